import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { watchEnding } from '../../lib/bin/ending.js';

/** A process that ends as an application has it, or after its command. */
function ended({ isDone }: { readonly isDone: boolean }) {
  const process: EventEmitter & { exitCode?: number } = new EventEmitter();
  const told: string[] = [];
  const done = watchEnding(process, (text) => void told.push(text));
  process.exitCode = 0;
  if (isDone) done();
  process.emit('exit');
  return { exitCode: process.exitCode, told: told.join('\n') };
}

describe('the end of the process', () => {
  it('is a failure if an application ends it before the command is done', () => {
    expect(ended({ isDone: false })).toEqual({
      exitCode: 1,
      told: expect.stringContaining('ended before the command was done') as string,
    });
  });

  it('is what the command says otherwise', () => {
    expect(ended({ isDone: true })).toEqual({ exitCode: 0, told: '' });
  });
});
