import childProcess, { type ChildProcess } from 'node:child_process';
import crypto, { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { IncomingMessage, ServerResponse } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';
import { join, relative } from 'node:path';
import type { Readable } from 'node:stream';
import { format } from 'node:util';
import { afterAll, expect, vi } from 'vitest';
import type * as Log from '../../lib/core/tell.js';
import type { ZitadelLogger } from '../../lib/core/tell.js';
import { Credentials } from '../../lib/testing/oidc/credentials.js';
import { SigningKeys } from '../../lib/testing/oidc/keys.js';
import { TokenBox } from '../../lib/testing/oidc/mint.js';
import { registerSent, SecretWatch } from '../evidence/secret-watch.js';

type Method = (...given: never[]) => unknown;
/** What is put over a method: it is given the original, with its `this`. */
type Over = (
  this: unknown,
  original: (...given: unknown[]) => unknown,
  ...given: unknown[]
) => unknown;

/** Paths at which the emulator answers: there tokens are handed out. */
const OF_ZITADEL =
  /^\/(?:oauth|oidc|ui|auth|management|admin|debug|v2|v2beta|\.well-known|zitadel\.)/;

/** Specs whose servers all play ZITADEL, at whatever path. */
const PLAYS_ZITADEL = /^test\/(?:zitadel|testing|captures)\b/;

/** A setup file of vitest: it runs before each spec file. The environment variable names the folder for its report. */
await watchFile(process.env['WATCH_SECRETS'] ?? '');

/**
 * Looks through everything that a spec file lets the library write for any secret that the file ever used, and reports into the folder
 * when the file is over.
 */
async function watchFile(folder: string): Promise<void> {
  const watch = new SecretWatch();
  const undo: (() => void)[] = [];
  /** While nothing may be written, because it was leaked on purpose. */
  let muted = false;

  const put = <T extends object>(target: T, name: keyof T & string, over: Over): void => {
    const original = target[name] as Method;
    const replaced = function (this: unknown, ...given: unknown[]): unknown {
      return over.call(this, (...passed) => Reflect.apply(original, this, passed), ...given);
    };
    target[name] = replaced as T[typeof name];
    undo.push(() => {
      target[name] = original as T[typeof name];
    });
  };
  const registering =
    (name: string): Over =>
    (original, ...given) => {
      const made = original(...given);
      watch.register(made, name);
      return made;
    };
  const hearing =
    (where: string, textOf: (given: unknown[]) => string): Over =>
    (original, ...given) => {
      watch.note(where, textOf(given));
      return muted ? true : original(...given);
    };

  // Where secrets come from: whoever makes them, and whoever uses them.
  put(SigningKeys.prototype, 'sign', registering('a JWT'));
  put(SigningKeys.prototype, 'signForeign', registering('a foreign JWT'));
  put(TokenBox.prototype, 'seal', registering('an opaque token'));
  put(Credentials.prototype, 'addSecret', registering('a client secret'));
  put(crypto, 'createPrivateKey', (original, given) => {
    watch.register(typeof given === 'string' ? given : Object(given).key, 'a private key');
    return original(given);
  });
  put(crypto, 'createHmac', (original, ...given) => {
    watch.register(given[1], 'a shared secret');
    return original(...given);
  });
  put(globalThis, 'fetch', (original, ...given) => {
    registerSent(watch, Object(given[1]) as RequestInit);
    return original(...given);
  });

  // Where the library and its tests write.
  for (const level of ['debug', 'log', 'info', 'warn', 'error', 'trace', 'dir'] as const) {
    put(
      console,
      level,
      hearing('console', (given) => format(...given)),
    );
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    put(
      process[stream],
      'write',
      hearing(stream, ([chunk]) => textOf(chunk)),
    );
  }
  put(childProcess, 'spawn', (original, ...given) => {
    const child = original(...given) as ChildProcess;
    for (const stream of [child.stdout, child.stderr]) if (stream) overhear(watch, stream);
    return child;
  });
  put(ServerResponse.prototype, 'end', function (this: unknown, original, ...given) {
    const response = this as ServerResponse;
    const isOfZitadel = OF_ZITADEL.test(response.req.url ?? '') || PLAYS_ZITADEL.test(fileName());
    if (isOfZitadel && !muted) return original(...given);
    watch.note('answer', `${JSON.stringify(response.getHeaders())} ${textOf(given[0] ?? '')}`);
    return muted ? response : original(...given);
  });
  syncBuiltinESMExports();
  vi.doMock('../../lib/core/tell.js', async (importOriginal) => {
    const original = await importOriginal<typeof Log>();
    return {
      ...original,
      quietLogger: (logger: ZitadelLogger) => original.quietLogger(heardLogger(watch, logger)),
    };
  });

  const bites = await leakOnPurpose(watch, (isMuted) => {
    muted = isMuted;
  });
  afterAll(() => {
    for (const each of undo.reverse()) each();
    syncBuiltinESMExports();
    const report = JSON.stringify({ file: fileName(), bites, ...watch.report() });
    writeFileSync(join(folder, `${randomUUID()}.json`), report);
  });
}

/** The spec file that runs, from the root of the repository. */
function fileName(): string {
  return relative(process.cwd(), expect.getState().testPath ?? '').replaceAll('\\', '/');
}

function textOf(chunk: unknown): string {
  return chunk instanceof Uint8Array ? Buffer.from(chunk).toString() : String(chunk);
}

/** Hears what comes out of a stream, without reading from it. */
function overhear(watch: SecretWatch, stream: Readable): void {
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding) => {
    if (chunk !== null) watch.note('output of a process', textOf(chunk));
    return push(chunk, encoding);
  };
}

function heardLogger(watch: SecretWatch, logger: ZitadelLogger): ZitadelLogger {
  const heard = (level: keyof ZitadelLogger) => (message: string) => {
    watch.note('logger', message);
    return logger[level](message);
  };
  return { debug: heard('debug'), log: heard('log'), warn: heard('warn'), error: heard('error') };
}

/** Writes a secret everywhere, and answers whether it was found everywhere. */
async function leakOnPurpose(
  watch: SecretWatch,
  mute: (isMuted: boolean) => void,
): Promise<boolean> {
  const secret = randomBytes(90).toString('base64url');
  await fetchNothing(secret);
  const { quietLogger } = await import('../../lib/core/tell.js');
  const silent = () => undefined;
  mute(true);
  try {
    console.log(`Bearer ${secret}`);
    process.stdout.write(Buffer.from(secret).toString('hex'));
    process.stderr.write(secret.slice(50, 80));
    new ServerResponse(new IncomingMessage(new Socket())).end(secret);
    quietLogger({ debug: silent, log: silent, warn: silent, error: silent }).warn(secret);
  } finally {
    mute(false);
  }
  const found = new Set(watch.report().leaks.map(({ where }) => where));
  watch.forgetTexts();
  return ['console', 'stdout', 'stderr', 'answer', 'logger'].every((where) => found.has(where));
}

/** Sends a secret to nowhere, as the library sends tokens. */
async function fetchNothing(secret: string): Promise<void> {
  const headers = { authorization: `Bearer ${secret}` };
  await fetch('data:,', { headers });
}
