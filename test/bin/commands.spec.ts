import { expect, it } from 'vitest';
import { runAs } from './run-command.js';

it('ends a command that only looks when somebody stops it, whatever it waits for', async () => {
  const never = new Promise<string>(() => undefined);
  const stop = AbortSignal.timeout(10);
  const { code } = await runAs({}, ['token'], { input: () => never, stop });
  expect(code).toBe(130);
});
