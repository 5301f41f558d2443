// Runs once, before all spec files: a key pair of RSA costs more than most tests.
import { generateKeyPairSync } from 'node:crypto';
import type { TestProject } from 'vitest/node';

/** Emulators that run beside one another must not have the same key, nor key files that are made one after another. */
const PAIRS = 4;

declare module 'vitest' {
  interface ProvidedContext {
    readonly signingKeys: readonly string[];
    readonly fileKeys: readonly string[];
  }
}

const pem = { type: 'pkcs1', format: 'pem' } as const;
const makePems = () =>
  Array.from({ length: PAIRS }, () =>
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem).toString(),
  );

export default function ({ provide }: TestProject): void {
  provide('signingKeys', makePems());
  provide('fileKeys', makePems());
}
