import { createHash } from 'node:crypto';

/** Stands for a token in keys: a key never contains a token. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
