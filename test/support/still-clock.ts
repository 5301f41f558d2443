import { afterEach, beforeEach, vi } from 'vitest';

/** These clocks stand still in each test of a spec or a `describe`, until the test lets time pass. */
export function useStillClock(...toFake: ('performance' | 'Date')[]): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}
