// Runs before each spec file. A test that says nothing of time is not about time: its library waits for the emulator as
// long as a busy machine needs, not the few seconds of the defaults.
import type { ZitadelOptions } from '../../lib/options.js';
import { ZitadelEmulator } from '../../lib/testing/emulator.js';

const PATIENCE = { timeoutMs: 60_000, budgetMs: 120_000 };

const { options } = ZitadelEmulator.prototype;
ZitadelEmulator.prototype.options = function (overrides?: Partial<ZitadelOptions>) {
  const saysIt = overrides?.timeoutMs !== undefined || overrides?.budgetMs !== undefined;
  return options.call(this, { ...(saysIt ? {} : PATIENCE), ...overrides });
};
