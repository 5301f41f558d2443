// Runs before each spec file. A test that says nothing of time is not about time: its library waits for the emulator as
// long as a busy machine needs, not the few seconds of the defaults.
import { ZitadelEmulator } from '../../lib/testing/emulator.js';

const { options } = ZitadelEmulator.prototype;
ZitadelEmulator.prototype.options = function (overrides = {}) {
  const saysIt = overrides.timeoutMs !== undefined || overrides.budgetMs !== undefined;
  return options.call(this, {
    ...(!saysIt && { timeoutMs: 60_000, budgetMs: 120_000 }),
    ...overrides,
  });
};
