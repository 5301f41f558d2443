/** A request as a case writes it: nothing is added but what HTTP needs. */
export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a string goes as it is. */
  readonly body?: unknown;
  readonly form?: Readonly<Record<string, string>>;
}

/** What came back, read completely. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body as JSON; an empty object where it is none. */
  readonly body: Readonly<Record<string, unknown>>;
}

const LIMIT_MS = 30_000;

/** Sends one request. Redirects are not followed. @throws when there is no whole answer within 30 s */
export async function send(origin: string, asked: Asked): Promise<Answer> {
  const response = await fetch(`${origin}${asked.path}`, {
    method: asked.method,
    redirect: 'manual',
    signal: AbortSignal.timeout(LIMIT_MS),
    ...contentOf(asked),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text,
    body: objectFrom(text),
  };
}

function contentOf({ headers = {}, body, form }: Asked): RequestInit {
  if (form) {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    return { headers: { ...type, ...headers }, body: new URLSearchParams(form).toString() };
  }
  if (body === undefined) return { headers };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { headers: { 'content-type': 'application/json', ...headers }, body: text };
}

function objectFrom(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The entries of a list in an answer; none where it is left out, as ZITADEL does with empty lists. */
export function listOf(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** An id that a server gave to something that it made. @throws when it gave none: nothing may be built on it */
export function requiredId(body: unknown, name: string): string {
  const id = textAt(body, name);
  if (/^\d+$/.test(id)) return id;
  throw new Error(`the server gave no id as '${name}', but ${JSON.stringify(id)}`);
}

/** ZITADEL's id of an error, of REST and of connect; empty where there is none. */
export function errorIdIn(body: Answer['body']): string {
  const [detail] = listOf(body['details']);
  return textAt(detail, 'id') || textAt(detail, 'debug', 'id');
}

/** Text at a path of names; empty where there is none. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  let here: unknown = value;
  for (const name of path) here = isObject(here) ? here[name] : undefined;
  return typeof here === 'string' ? here : '';
}
