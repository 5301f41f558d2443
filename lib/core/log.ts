import { LRUCache } from 'lru-cache';
import { quietly } from './quietly.js';

/** Where the library writes. Nest's `Logger` and `console` both fit. It is never given a token, a key or a name of another tenant. */
export interface ZitadelLogger {
  debug(message: string): void;
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

const ONCE_PER_MS = 10_000;

/**
 * Wraps a logger so that the same trouble on every request becomes one line in ten seconds, with a count, and so that a logger that
 * throws changes nothing.
 */
export function quietLogger(logger: ZitadelLogger): ZitadelLogger {
  const recent = new LRUCache<string, { until: number; held: number }>({ max: 200 });
  const write = (level: keyof ZitadelLogger) => (message: string) => {
    const key = `${level} ${message}`;
    const known = recent.get(key);
    if (known && known.until > performance.now()) {
      known.held += 1;
      return;
    }
    recent.set(key, { until: performance.now() + ONCE_PER_MS, held: 0 });
    const more = known && known.held > 0 ? ` (repeated ${known.held} times)` : '';
    // A logger that fails must not become a decision.
    quietly(() => logger[level](`${message}${more}`));
  };
  return { debug: write('debug'), log: write('log'), warn: write('warn'), error: write('error') };
}
