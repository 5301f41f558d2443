import { inspect } from 'node:util';

/** A secret that was found where it must not be. */
export interface Leak {
  /** What the secret is called. */
  readonly secret: string;
  /** Where the text was written to. */
  readonly where: string;
  /** How the secret was written. */
  readonly form: string;
}

/** What a watch came to. */
export interface WatchReport {
  /** Lines of text that were looked through. */
  readonly lines: number;
  readonly secrets: number;
  readonly leaks: readonly Leak[];
}

/** Shorter ones could stand in any sentence. */
const SHORTEST = 16;
/** From here on a secret is random enough for a part of it to give it away. */
const LONG = 60;
/** Whoever finds 23 characters in a row finds one of these. */
const WINDOW = 12;
/** The beginning of every key and of every token says how it is encoded. */
const CONSTANT_BEGINNING = 24;

/** Knows secrets, hears text, and finds the one in the other: whole or cut, as it is, in base64, hex or percent-encoding. */
export class SecretWatch {
  readonly #secrets = new Map<string, string>();
  /** By place, what is said again and again once. */
  readonly #heard = new Map<string, Set<string>>();
  #lines = 0;

  /** Remembers a secret. Whatever is too short to be told from a word is none. */
  register(secret: unknown, name: string): void {
    if (typeof secret !== 'string') return;
    if (secret.includes('-----BEGIN')) {
      // Of a PEM the lines are what is secret; they are also found one by one.
      for (const line of secret.split(/\r?\n|\\n/).filter((each) => !each.includes('-----'))) {
        this.#add(line, name);
      }
      this.#add(secret.replaceAll(/-----[A-Z ]+-----|\s|\\n/g, ''), name);
    } else this.#add(secret, name);
  }

  /** Takes text that was written somewhere. */
  note(where: string, text: string): void {
    const heard = this.#heard.get(where) ?? new Set();
    this.#heard.set(where, heard.add(text));
    this.#lines += text.split('\n').length;
  }

  /** Takes everything that a value shows of itself. */
  noteValue(where: string, value: unknown): void {
    for (const text of showings(value)) this.note(where, text);
  }

  /** Forgets what was written so far. */
  forgetTexts(): void {
    this.#heard.clear();
    this.#lines = 0;
  }

  report(): WatchReport {
    const leaks: Leak[] = [];
    for (const [where, heard] of this.#heard) {
      const page = new Page([...heard].join('\n'));
      for (const [secret, name] of this.#secrets) {
        const form = page.formOf(secret);
        if (form !== undefined) leaks.push({ secret: name, where, form });
      }
    }
    return { lines: this.#lines, secrets: this.#secrets.size, leaks };
  }

  #add(secret: string, name: string): void {
    if (secret.length >= SHORTEST) this.#secrets.set(secret, name);
  }
}

/** Text that is looked through for many secrets. */
class Page {
  readonly #text: string;
  readonly #windows = new Set<string>();

  constructor(text: string) {
    // Without white space too: a printed buffer, a key in lines.
    this.#text = `${text}\n${text.replaceAll(/\s+/g, '')}`;
    for (let at = 0; at + WINDOW <= this.#text.length; at += 1) {
      this.#windows.add(this.#text.slice(at, at + WINDOW));
    }
  }

  formOf(secret: string): string | undefined {
    for (const [form, written] of writings(secretPartOf(secret))) {
      if (secret.length < LONG ? this.#text.includes(written) : this.#hasPartOf(written)) {
        return form;
      }
    }
    return undefined;
  }

  #hasPartOf(written: string): boolean {
    for (let at = 0; at + WINDOW <= written.length; at += WINDOW) {
      if (this.#windows.has(written.slice(at, at + WINDOW))) return true;
    }
    return false;
  }
}

function secretPartOf(secret: string): string {
  if (secret.length < LONG) return secret;
  const dot = secret.indexOf('.');
  return secret.slice(dot > 0 ? dot + 1 : CONSTANT_BEGINNING);
}

/** Every way in which a secret can be written. */
function* writings(secret: string): Generator<readonly [form: string, written: string]> {
  yield ['as it is', secret];
  const encoded = encodeURIComponent(secret);
  if (encoded !== secret) yield ['percent-encoded', encoded];
  // In base64 three characters become four: where the secret begins in a longer text decides how it looks.
  for (const skipped of [0, 1, 2]) {
    const bytes = Buffer.from(secret.slice(skipped));
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3));
    yield ['in base64', whole.toString('base64')];
    yield ['in base64url', whole.toString('base64url')];
  }
  const hex = Buffer.from(secret).toString('hex');
  yield ['in hex', hex];
  yield ['in hex', hex.toUpperCase()];
}

/** Everything that a value shows of itself, whoever prints it however. */
export function* showings(value: unknown): Generator<string> {
  yield inspect(value, {
    depth: Infinity,
    showHidden: true,
    getters: true,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
  });
  yield String(attempt(() => JSON.stringify(value)));
  yield String(attempt(() => String(value)));
  if (value instanceof Error) {
    yield String(value.stack);
    if (value.cause !== undefined) yield* showings(value.cause);
  }
}

function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

const SECRET_FIELDS = ['assertion', 'client_assertion', 'client_secret', 'token', 'refresh_token'];

/** Takes the secrets of a request. */
export function registerSent(watch: SecretWatch, { headers, body }: RequestInit): void {
  const authorization = new Headers(headers).get('authorization') ?? '';
  const [scheme = '', credential = ''] = authorization.split(' ');
  if (/^bearer$/i.test(scheme)) watch.register(credential, 'a token that was sent');
  if (/^basic$/i.test(scheme)) {
    const [, secret = ''] = Buffer.from(credential, 'base64').toString().split(':');
    watch.register(secret, 'a secret that was sent');
    // RFC 6749 has it percent-encoded; broken ones are sent too.
    watch.register(new URLSearchParams(`is=${secret}`).get('is'), 'a secret that was sent');
  }
  const form = body instanceof URLSearchParams || typeof body === 'string' ? body : '';
  const sent = new URLSearchParams(form);
  for (const field of SECRET_FIELDS) watch.register(sent.get(field), `${field} that was sent`);
}
