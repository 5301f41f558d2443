import { expect, it, onTestFinished } from 'vitest';
import { coloured, openTerminal } from '../../lib/bin/terminal.js';

it('goes on when nobody reads what it writes any more', () => {
  openTerminal();
  for (const stream of [process.stdout, process.stderr]) {
    expect(() => stream.emit('error', new Error('write EPIPE'))).not.toThrow();
  }
});

it.each([
  ['a terminal', true, true, undefined, true],
  ['an output that is piped', false, true, undefined, false],
  ['errors that are piped', true, false, undefined, false],
  ['a terminal without colours', true, true, '1', false],
])('has colours for a terminal only: %s', (_what, out, told, noColour, expected) => {
  for (const [stream, isTerminal] of [
    [process.stdout, out],
    [process.stderr, told],
  ] as const) {
    const before = Object.getOwnPropertyDescriptor(stream, 'isTTY');
    Object.defineProperty(stream, 'isTTY', { value: isTerminal, configurable: true });
    onTestFinished(() => {
      if (before) Object.defineProperty(stream, 'isTTY', before);
      else Reflect.deleteProperty(stream, 'isTTY');
    });
  }
  const { NO_COLOR: before } = process.env;
  const set = (value: string | undefined) => {
    if (value === undefined) delete process.env['NO_COLOR'];
    else process.env['NO_COLOR'] = value;
  };
  set(noColour);
  onTestFinished(() => set(before));
  const terminal = openTerminal();
  expect(terminal.hasColours).toBe(expected);
  expect(coloured(terminal, 'red', 'no')).toBe(expected ? '\u001b[31mno\u001b[39m' : 'no');
});
