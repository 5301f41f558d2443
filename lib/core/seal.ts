import { createHmac, timingSafeEqual, createHash } from 'node:crypto';

/** Stands for text in keys and names: a key never contains a token. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** Signs text that leaves this process, and knows it again when it comes back. */
export class Seal {
  /** Without it, anybody can write what is opened. */
  readonly signs: boolean;

  /**
   * `secrets`: the first one signs, and each is accepted. None: the text stays as it is. `scope`: text of another scope is not taken for this
   * one's.
   */
  constructor(
    private readonly secrets: readonly string[],
    private readonly scope = '',
  ) {
    this.signs = secrets.length > 0;
  }

  close(text: string): string {
    const [secret] = this.secrets;
    return secret === undefined ? text : `${this.#mac(text, secret)}.${text}`;
  }

  /** Undefined: none of the secrets signed it. */
  open(sealed: string): string | undefined {
    if (!this.signs) return sealed;
    const dot = sealed.indexOf('.');
    const text = sealed.slice(dot + 1);
    const given = Buffer.from(sealed.slice(0, Math.max(dot, 0)));
    const isSigned = this.secrets.some((secret) => {
      const right = Buffer.from(this.#mac(text, secret));
      return given.length === right.length && timingSafeEqual(given, right);
    });
    return isSigned ? text : undefined;
  }

  #mac(text: string, secret: string): string {
    return createHmac('sha256', secret).update(this.scope).update(text).digest('base64url');
  }
}
