import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { interruptible } from './interruption.js';

function promised<T>(): { readonly promise: Promise<T>; readonly keep: (value: T) => void } {
  let keep = (_value: T): void => undefined;
  const promise = new Promise<T>((resolve) => (keep = resolve));
  return { promise, keep: (value) => keep(value) };
}

function running(tidy: () => Promise<void>) {
  const said: string[] = [];
  const ended = promised<number>();
  const signals = new EventEmitter();
  const interrupted = interruptible(Object.assign(signals, { exit: ended.keep }), {
    tidy,
    server: 'https://acme.example',
    say: (line) => said.push(line),
  });
  return { signals, said, interrupted, ended: ended.promise };
}

describe('a run that somebody interrupts', () => {
  it('waits until everything is taken away, and ends with one line that says so', async () => {
    const tidied = promised<void>();
    const { signals, said, ended, interrupted } = running(() => tidied.promise);
    expect(interrupted()).toBe(false);

    signals.emit('SIGINT');
    expect(interrupted()).toBe(true);
    expect(said).toEqual([expect.stringMatching(/^SIGINT: taking away what was made/)]);

    // Impatience changes nothing.
    signals.emit('SIGINT');
    signals.emit('SIGTERM');
    tidied.keep();
    expect(await ended).toBe(130);
    expect(said.slice(1)).toEqual(['Interrupted. Nothing is left on https://acme.example.']);
  });

  it('says what is left where that is not everything', async () => {
    const { signals, said, ended } = running(() =>
      Promise.reject(new Error('left behind on the server:\n  organization acme')),
    );
    signals.emit('SIGTERM');
    expect(await ended).toBe(130);
    expect(said.at(-1)).toBe('Interrupted. left behind on the server:\n  organization acme');
  });
});
