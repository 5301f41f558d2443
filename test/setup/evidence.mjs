// npm run evidence: lists the proofs, or runs one on the built library.
import { buildAndRun } from './build-and-run.mjs';
import { findServices } from './services.mjs';

await buildAndRun('evidence', { nodeFlags: ['--expose-gc'], env: findServices() });
