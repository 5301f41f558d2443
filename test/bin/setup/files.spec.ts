import { expect, it } from 'vitest';
import { merged, valueIn, without } from '../../../lib/bin/setup/files.js';

it.each([
  'secrets/key.json',
  'C:\\keys\\key.json',
  'a path/key.json',
  "it's/key.json",
  'a # b',
  '',
])('writes %j so that Node reads it, once, and takes the line back', (value) => {
  const before = 'MINE=1 # mine\n';
  const after = merged(before, { KEY: value });
  expect(valueIn(after, 'KEY')).toBe(value);
  expect(merged(after, { KEY: value })).toBe(after);
  expect(without(after, (...line) => line.join('=') === `KEY=${value}`)).toBe(before);
});

it('leaves a line of yours that says the same', () => {
  const text = 'KEY="a" # mine\n';
  expect(merged(text, { KEY: 'a' })).toBe(text);
});
