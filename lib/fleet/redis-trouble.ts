import { own } from '../core/own-properties.js';
import { thrownText } from '../core/thrown.js';

const UNREACHABLE = 'look whether Redis runs, and at the host and port of the client';
const UNKNOWN_USER = 'give the client the user and the password of Redis';

/** What to do, by the word with which Redis begins an error, or by the code of Node. */
const REMEDIES: ReadonlyMap<unknown, string> = new Map([
  ['NOAUTH', UNKNOWN_USER],
  ['WRONGPASS', UNKNOWN_USER],
  [
    'NOPERM',
    'allow its user SET, EVAL, PUBLISH and SUBSCRIBE, on keys and channels nestjs-zitadel:*',
  ],
  ['READONLY', 'give the client the address of the primary: it is connected to a replica'],
  ['ECONNREFUSED', UNREACHABLE],
  ['ETIMEDOUT', UNREACHABLE],
  ['ENOTFOUND', UNREACHABLE],
  ['EAI_AGAIN', UNREACHABLE],
]);

/** What is wrong and what to do. The message of an error is not shown: it may name an address with a password in it. */
export function troubleText(error: unknown): string {
  const [word] = /^[A-Z]{3,20}(?= )/.exec(String(own(error, 'message'))) ?? [];
  const remedy = REMEDIES.get(word ?? own(error, 'code'));
  return `${word ?? thrownText(error)}${remedy === undefined ? '' : `: ${remedy}`}`;
}

/** The same for the client that the application has, which knows by itself whether it is connected. */
export function troubleOf(client: object, error: unknown): string {
  const { isOpen, isReady, status } = client as Readonly<Record<string, unknown>>;
  if (isOpen === false || status === 'wait' || status === 'end') {
    return 'the client is not connected: await its connect() before the application starts, and close it only after the application';
  }
  if (isReady === false || (typeof status === 'string' && status !== 'ready')) {
    return `the client has lost its connection, or is still connecting: ${UNREACHABLE}`;
  }
  return troubleText(error);
}
