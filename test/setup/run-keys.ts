// Runs once, before all spec files: a key pair of RSA costs more than most tests.
import { generateKeyPairSync } from 'node:crypto';
import type { TestProject } from 'vitest/node';

/** Emulators that run beside one another must not have the same key. */
const PAIRS = 4;

declare module 'vitest' {
  interface ProvidedContext {
    readonly signingKeys: readonly string[];
  }
}

export default function ({ provide }: TestProject): void {
  const pems = Array.from({ length: PAIRS }, () =>
    generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString(),
  );
  provide('signingKeys', pems);
}
