import { expect, it } from 'vitest';
import { openTerminal } from '../../lib/bin/terminal.js';

it('goes on when nobody reads what it writes any more', () => {
  openTerminal();
  for (const stream of [process.stdout, process.stderr]) {
    expect(() => stream.emit('error', new Error('write EPIPE'))).not.toThrow();
  }
});
