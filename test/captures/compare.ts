const IDS = /(?<!\d)\d{18}(?!\d)/g;

/** What is recorded and what stands for it here; unknown ones are learned on first sight. */
class Pairs {
  readonly #here = new Map<string, string>();
  readonly #recorded = new Map<string, string>();

  set(recorded: string, here: string): void {
    this.#here.set(recorded, here);
    this.#recorded.set(here, recorded);
  }

  hereFor(recorded: string): string | undefined {
    return this.#here.get(recorded);
  }

  /** Whether the two may stand for each other; from now on nothing else may. */
  fits(recorded: string, here: string): boolean {
    if (!this.#here.has(recorded) && !this.#recorded.has(here)) this.set(recorded, here);
    return this.#here.get(recorded) === here && this.#recorded.get(here) === recorded;
  }
}

/** Ids of the recording and those that stand for them here, and the moments of changes as well. */
export class IdPairs extends Pairs {
  /** Where one thing tells two times of one moment, or of two, the other has to do so too. */
  readonly moments = new Pairs();

  translate(text: string): string {
    return text.replace(IDS, (id) => this.hereFor(id) ?? id);
  }
}

const ID = /^\d{18}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
/** When the instance and the organizations were made with their owners: here, verb after verb. */
const AT_ONCE = new Set([
  '2026-11-24T08:56:32.624102Z',
  '2026-11-24T08:56:35.524451Z',
  '2026-11-24T08:56:35.560593Z',
  '2026-11-24T08:56:35.593629Z',
]);
const TOKEN_ID = /^V2_\d{18}-at_\d{18}$/;
const JWT_LABEL = /^<JWT (\{.*?\}) (\{.*\})>$/;
const JWE_LABEL = /^<JWE of \d+ characters (\{.*\})>$/;
/** Random by nature: only the form can be the same. */
const RANDOM_FIELDS = new Set(['n', 'at_hash', 'signingKey']);
const MOMENTS = new Set(['exp', 'iat', 'nbf', 'auth_time', 'updated_at']);
const COUNTERS = new Set(['sequence']);

/** Every place where `here` does not look like `recorded`. */
export function differences(recorded: unknown, here: unknown, ids: IdPairs, path = '$'): string[] {
  if (typeof recorded === 'string' && typeof here === 'string') {
    return textDifferences(recorded, here, ids, path);
  }
  if (Array.isArray(recorded) && Array.isArray(here)) {
    if (recorded.length !== here.length) {
      return [`${path}: ${String(here.length)} entries instead of ${String(recorded.length)}`];
    }
    return recorded.flatMap((entry, index) =>
      differences(entry, here[index], ids, `${path}[${String(index)}]`),
    );
  }
  if (isObject(recorded) && isObject(here)) return objectDifferences(recorded, here, ids, path);
  const same = MOMENTS.has(nameOf(path)) ? typeof recorded === typeof here : recorded === here;
  return same ? [] : [`${path}: ${JSON.stringify(here)} instead of ${JSON.stringify(recorded)}`];
}

function objectDifferences(
  recorded: Record<string, unknown>,
  here: Record<string, unknown>,
  ids: IdPairs,
  path: string,
): string[] {
  // Ids are names of fields too, in claims about roles.
  const expected = Object.entries(recorded).map(
    ([key, value]) => [ids.translate(key), value] as const,
  );
  const names = new Set(expected.map(([key]) => key));
  return [
    ...expected.flatMap(([key, value]) =>
      key in here
        ? differences(value, here[key], ids, `${path}.${key}`)
        : [`${path}.${key}: missing`],
    ),
    ...Object.keys(here)
      .filter((key) => !names.has(key))
      .map((key) => `${path}.${key}: should not be there`),
    ...lifetimeDifferences(recorded, here, path),
  ];
}

function textDifferences(recorded: string, here: string, ids: IdPairs, path: string): string[] {
  const wrong = [`${path}: '${here}' instead of '${ids.translate(recorded)}'`];
  const field = nameOf(path);
  if (RANDOM_FIELDS.has(field)) return /^[\w-]+$/.test(here) ? [] : wrong;
  if (COUNTERS.has(field)) return /^[1-9]\d*$/.test(here) ? [] : wrong;
  if (ID.test(recorded)) return ID.test(here) && ids.fits(recorded, here) ? [] : wrong;
  if (TIME.test(recorded)) {
    const free = field === 'viewTimestamp' || AT_ONCE.has(recorded);
    return TIME.test(here) && (free || ids.moments.fits(recorded, here)) ? [] : wrong;
  }
  if (TOKEN_ID.test(recorded)) return TOKEN_ID.test(here) ? [] : wrong;
  const jwt = JWT_LABEL.exec(recorded);
  if (jwt !== null) return jwtDifferences(jwt, here, ids, path);
  const jwe = JWE_LABEL.exec(recorded);
  if (jwe !== null) return jweDifferences(jwe[1] ?? '', here, path);
  if (/^<.* token>$/.test(recorded)) return here.length > 100 ? [] : wrong;
  if (plain(here) !== plain(recorded)) return wrong;
  const [theirs, own] = [recorded.match(IDS) ?? [], here.match(IDS) ?? []];
  return theirs.every((id, index) => ids.fits(id, own[index] ?? '')) ? [] : wrong;
}

/** Without ids; protobuf also writes some spaces of its errors as no-break spaces, at random. */
function plain(text: string): string {
  return text.replace(IDS, '#').replaceAll('\u00a0', ' ');
}

function jwtDifferences(
  label: RegExpExecArray,
  here: string,
  ids: IdPairs,
  path: string,
): string[] {
  const parts = here.split('.');
  if (parts.length !== 3) return [`${path}: a JWT has three parts`];
  const [header, claims] = parts.slice(0, 2).map(decodePart);
  return [
    ...differences(JSON.parse(label[1] ?? ''), header, ids, `${path}<header>`),
    ...differences(JSON.parse(label[2] ?? ''), claims, ids, `${path}<claims>`),
  ];
}

/** Headers of JWEs were recorded without the random parameters that the algorithm asks for. */
function jweDifferences(label: string, here: string, path: string): string[] {
  const parts = here.split('.');
  if (parts.length !== 5) return [`${path}: an opaque token has five parts`];
  const header = decodePart(parts[0] ?? '') as Record<string, unknown>;
  const shown = { alg: header['alg'], enc: header['enc'], kid: header['kid'] };
  return JSON.stringify(shown) === label ? [] : [`${path}: ${JSON.stringify(shown)}, not ${label}`];
}

/** Moments differ, but not how far they are apart. */
function lifetimeDifferences(
  recorded: Record<string, unknown>,
  here: Record<string, unknown>,
  path: string,
): string[] {
  const seconds = (of: Record<string, unknown>): number => Number(of['exp']) - Number(of['iat']);
  if (!('exp' in recorded) || !('iat' in recorded) || !('exp' in here)) return [];
  // Personal access tokens end at a moment that was chosen, not after a time.
  const same = recorded['exp'] === here['exp'] || seconds(recorded) === seconds(here);
  return same
    ? []
    : [`${path}: lives ${String(seconds(here))} s instead of ${String(seconds(recorded))} s`];
}

export function decodePart(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
