import { createHash } from 'node:crypto';

/** What stands for a token in keys: tokens themselves are in none. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
