import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * Opaque tokens of ZITADEL are compact JWEs: `A256GCMKW` around `A256GCM`. Five parts, beginning like a
 * JWT; nobody but the server can read them. RFC 7516, RFC 7518 section 4.7.
 */
export class TokenBox {
  readonly #secret = randomBytes(32);

  /** `keyId` stands in the header of some kinds of token only. */
  seal(payload: object, keyId?: string): string {
    const contentKey = randomBytes(32);
    const wrapped = encrypt(this.#secret, contentKey);
    const header = {
      alg: 'A256GCMKW',
      enc: 'A256GCM',
      iv: wrapped.iv.toString('base64url'),
      ...(keyId === undefined ? {} : { kid: keyId }),
      tag: wrapped.tag.toString('base64url'),
    };
    const head = Buffer.from(JSON.stringify(header)).toString('base64url');
    const content = encrypt(contentKey, Buffer.from(JSON.stringify(payload)), head);
    const parts = [wrapped.text, content.iv, content.text, content.tag];
    return [head, ...parts.map((part) => part.toString('base64url'))].join('.');
  }

  open(token: string): Readonly<Record<string, unknown>> | undefined {
    const parts = token.split('.');
    if (parts.length !== 5) return undefined;
    const [head = '', wrappedKey = '', iv = '', text = '', tag = ''] = parts;
    try {
      const header: unknown = JSON.parse(Buffer.from(head, 'base64url').toString());
      const { iv: keyIv, tag: keyTag } = header as Record<string, string>;
      const contentKey = decrypt(this.#secret, keyIv ?? '', wrappedKey, keyTag ?? '');
      const payload: unknown = JSON.parse(decrypt(contentKey, iv, text, tag, head).toString());
      return payload as Readonly<Record<string, unknown>>;
    } catch {
      return undefined;
    }
  }
}

function encrypt(
  key: Buffer,
  text: Buffer,
  associated = '',
): { iv: Buffer; text: Buffer; tag: Buffer } {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(associated));
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  return { iv, text: sealed, tag: cipher.getAuthTag() };
}

function decrypt(key: Buffer, iv: string, text: string, tag: string, associated = ''): Buffer {
  const bytes = (part: string): Buffer => Buffer.from(part, 'base64url');
  const options = { authTagLength: 16 };
  const decipher = createDecipheriv('aes-256-gcm', key, bytes(iv), options);
  decipher.setAAD(Buffer.from(associated)).setAuthTag(bytes(tag));
  return Buffer.concat([decipher.update(bytes(text)), decipher.final()]);
}
