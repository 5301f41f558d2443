// Runs before each spec file: what the emulators of all tests have in common.
import crypto, { createPrivateKey, createPublicKey } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import type { ZitadelOptions } from '../../lib/options.js';
import { ZitadelEmulator } from '../../lib/testing/emulator.js';

// A test that says nothing of time is not about time: its library waits for the emulator as long as a busy machine needs,
// not the few seconds of the defaults.
const PATIENCE = { timeoutMs: 60_000, budgetMs: 120_000 };

const { options } = ZitadelEmulator.prototype;
ZitadelEmulator.prototype.options = function (overrides?: Partial<ZitadelOptions>) {
  const saysIt = overrides?.timeoutMs !== undefined || overrides?.budgetMs !== undefined;
  return options.call(this, { ...(saysIt ? {} : PATIENCE), ...overrides });
};

// The first key of an emulator, the only one that is made asynchronously, is taken from those of the run. All others
// (of a rotation, of key files, of strangers) are made where they are needed.
const pems = inject('signingKeys');
let taken = process.pid;
const generate = Object.assign(() => undefined, {
  [promisify.custom]: () => {
    taken += 1;
    const privateKey = createPrivateKey(pems[taken % pems.length] as string);
    return Promise.resolve({ privateKey, publicKey: createPublicKey(privateKey) });
  },
});
Object.assign(crypto, { generateKeyPair: generate });
syncBuiltinESMExports();
