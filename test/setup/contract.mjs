// npm run contract: runs the contract suite on the emulator, or on a real ZITADEL where ZITADEL_URL and
// ZITADEL_PAT name one.
import { buildAndRun } from './build-and-run.mjs';

await buildAndRun('contract');
