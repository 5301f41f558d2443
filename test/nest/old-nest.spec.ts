import { Logger } from '@nestjs/common';
import { expect, it, onTestFinished, vi } from 'vitest';
import { tellOfOldNest } from '../../lib/nest/old-nest.js';

function warnings(version?: string): readonly string[] {
  const lines: string[] = [];
  const spy = vi
    .spyOn(Logger.prototype, 'warn')
    .mockImplementation((line: unknown) => void lines.push(String(line)));
  onTestFinished(() => spy.mockRestore());
  tellOfOldNest(version);
  return lines;
}

it.each(['10.3.10', '9.4.3', '8.4.7'])('an application on Nest %s is told so', (version) => {
  expect(warnings(version)).toEqual([
    expect.stringContaining(`Nest ${version} is older than 10.4, and nestjs-zitadel is not tested`),
  ]);
});

it.each(['10.4.0', '10.10.0', '11.0.0', '12.5.1', 'next', '', undefined])(
  'an application on Nest %s is told nothing',
  (version) => {
    expect(warnings(version)).toEqual([]);
  },
);
