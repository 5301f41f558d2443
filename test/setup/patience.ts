// Runs before each spec file: what the emulators of all tests have in common.
import crypto, { createPrivateKey, createPublicKey } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { isDeepStrictEqual, promisify } from 'node:util';
import { afterAll, inject, vi } from 'vitest';
import type { ZitadelOptions } from '../../lib/options.js';
import { SecondLooks } from '../../lib/core/store/epochs.js';
import { ZitadelEmulator } from '../../lib/testing/emulator.js';

// A test that says nothing of time is not about time: its library waits for the emulator as long as a busy machine needs,
// not the few seconds of the defaults.
const PATIENCE = { timeoutMs: 60_000, budgetMs: 120_000 };

// The prototype is that of all spec files that run in this process.
const { options } = ZitadelEmulator.prototype;
const patient = function (this: ZitadelEmulator, overrides?: Partial<ZitadelOptions>) {
  const saysIt = overrides?.timeoutMs !== undefined || overrides?.budgetMs !== undefined;
  return options.call(this, { ...(saysIt ? {} : PATIENCE), ...overrides });
};
ZitadelEmulator.prototype.options = patient;

// The first key of an emulator, the only one that is made asynchronously, and those of key files, the only ones that are
// made as text, are taken from those of the run. All others (of a rotation, of strangers) are made where they are needed.
const pems = inject('signingKeys');
const filePems = inject('fileKeys');
let taken = process.pid;
const generate = Object.assign(() => undefined, {
  [promisify.custom]: () => {
    taken += 1;
    const privateKey = createPrivateKey(pems[taken % pems.length] as string);
    return Promise.resolve({ privateKey, publicKey: createPublicKey(privateKey) });
  },
});
const { generateKeyPair, generateKeyPairSync } = crypto;
const generateSync = (type: 'rsa', settings: { readonly privateKeyEncoding?: object }) => {
  if (settings?.privateKeyEncoding === undefined) {
    return generateKeyPairSync(type, settings as { modulusLength: number });
  }
  taken += 1;
  const privateKey = filePems[taken % filePems.length] as string;
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' });
  return { privateKey, publicKey };
};
Object.assign(crypto, { generateKeyPair: generate, generateKeyPairSync: generateSync });
syncBuiltinESMExports();

// Until it is closed, a process looks again and again at a store that fails: also under the clock of the next spec file.
const looking = new Set<SecondLooks>();
const { add } = SecondLooks.prototype;
SecondLooks.prototype.add = function (this: SecondLooks, ...look) {
  looking.add(this);
  return add.apply(this, look);
};

// The next spec file may run in this process: it finds what all share as this one did.
const shared = () => [
  ...[Object.prototype, Array.prototype, Function.prototype, process.env].map((each) =>
    Reflect.ownKeys(each).map(String).sort().join(),
  ),
  process.cwd(),
];
const found = shared();
const now = performance.now;
afterAll(() => {
  for (const each of looking) each.close();
  SecondLooks.prototype.add = add;
  ZitadelEmulator.prototype.options = options;
  Object.assign(crypto, { generateKeyPair, generateKeyPairSync });
  syncBuiltinESMExports();
  const left = shared().filter((each, index) => !isDeepStrictEqual(each, found[index]));
  if (vi.isFakeTimers() || performance.now !== now) left.push('a clock');
  if (left.length > 0) throw new Error(`This file leaves behind: ${JSON.stringify(left)}`);
});
