/** Which generation of ZITADEL's API an instance answers; OpenID Connect is there in any case. */
export type ServedApis = 'v1' | 'v2' | 'both';

const CHOICES: ReadonlySet<string> = new Set<ServedApis>(['v1', 'v2', 'both']);
const V1 = /^\/(auth|management|admin)\/v1\//;
const V2 = /^\/(zitadel\.|v2(alpha|beta)?\/|v3alpha\/)/;

export function requireApis(apis: string): void {
  if (CHOICES.has(apis)) return;
  throw new TypeError(`apis '${apis}' is none of ${[...CHOICES].join(', ')}`);
}

export function isServed(apis: ServedApis, path: string): boolean {
  if (apis === 'v1') return !V2.test(path);
  return apis === 'both' || !V1.test(path);
}
