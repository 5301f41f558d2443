import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { quietLogger } from '../../lib/core/tell.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function recorder() {
  const lines: string[] = [];
  const write = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const logger = {
    debug: write('debug'),
    log: write('log'),
    warn: write('warn'),
    error: write('error'),
  };
  return { lines, logger: quietLogger(logger) };
}

describe('a log', () => {
  it('says the same once a minute, then how often it was', () => {
    const { lines, logger } = recorder();
    for (let times = 0; times < 1_000; times += 1) logger.warn('down');
    expect(lines).toEqual(['warn down']);
    vi.advanceTimersByTime(60_000);
    logger.warn('down');
    expect(lines[1]).toMatch(/^warn down \(repeated 999 times\)/);
  });

  it('says different things, and the same on different levels, each at once', () => {
    const { lines, logger } = recorder();
    logger.warn('one');
    logger.warn('other');
    logger.error('one');
    logger.log('one');
    logger.debug('one');
    expect(lines).toEqual(['warn one', 'warn other', 'error one', 'log one', 'debug one']);
  });

  it('says one line for one cause, however its text differs', () => {
    const { lines, logger } = recorder();
    for (let user = 0; user < 5_000; user += 1) {
      logger.warn(`denied: user ${user}`, 'denied');
      logger.debug(`denied: user ${user}`);
    }
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual(['warn denied: user 0']);
  });

  it('that fails changes nothing', () => {
    const broken = () => {
      throw new Error('full disk');
    };
    const logger = quietLogger({ debug: broken, log: broken, warn: broken, error: broken });
    expect(() => logger.error('x')).not.toThrow();
  });
});
