import { describe, expect, it } from 'vitest';
import { troubleOf, troubleText } from '../../lib/fleet/redis-client.js';

const SECRET = 'redis://app:a-secret@redis.example:6379';
const failed = (message: string, more: object = {}) => Object.assign(new Error(message), more);

describe('what is wrong with Redis', () => {
  it.each<[string, unknown, RegExp]>([
    [
      'no password',
      failed(`NOAUTH ${SECRET}`),
      /^NOAUTH: give the client the user and the password/,
    ],
    ['a wrong password', failed(`WRONGPASS ${SECRET}`), /^WRONGPASS: give the client/],
    ['rights that lack', failed(`NOPERM ${SECRET}`), /^NOPERM: allow its user SET, EVAL, PUBLISH/],
    ['a replica', failed(`READONLY ${SECRET}`), /^READONLY: give the client the address/],
    ['another error of Redis', failed(`LOADING ${SECRET}`), /^LOADING$/],
    [
      'nobody listens',
      failed(SECRET, { code: 'ECONNREFUSED' }),
      /^Error ECONNREFUSED.*: look whether Redis runs/,
    ],
    ['no such host', failed(SECRET, { code: 'ENOTFOUND' }), /^Error ENOTFOUND.*: look whether/],
    ['an error of the client', failed(SECRET), /^Error at \S+$/],
    ['something that is no error', SECRET, /^no Error$/],
    ['nothing', undefined, /^no Error$/],
  ])('is said with what to do, and without what may hold a password: %s', (_, error, text) => {
    expect(troubleText(error)).toMatch(text);
    expect(troubleText(error)).not.toContain('secret');
    // A connected client says nothing else.
    for (const client of [{}, { isOpen: true, isReady: true }, { status: 'ready' }]) {
      expect(troubleOf(client, error)).toBe(troubleText(error));
    }
  });

  it.each<[object, string]>([
    [{ isOpen: false, isReady: false }, 'not connected: await its connect()'],
    [{ status: 'wait' }, 'not connected: await its connect()'],
    [{ status: 'end' }, 'not connected: await its connect()'],
    [{ isOpen: true, isReady: false }, 'lost its connection, or is still connecting'],
    [{ status: 'reconnecting' }, 'lost its connection, or is still connecting'],
  ])('is known by the client itself: %j', (client, text) => {
    expect(troubleOf(client, failed(SECRET))).toContain(text);
    expect(troubleOf(client, failed(SECRET))).not.toContain('secret');
  });
});
