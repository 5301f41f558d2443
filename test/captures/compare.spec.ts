import { describe, expect, it } from 'vitest';

import { IdPairs, differences } from './compare.js';

const [A, B, C] = ['400999949988269094', '400999950105709606', '400999950407699494'];
const [X, Y] = ['500000000000000001', '500000000000000002'];
const [MORNING, NOON] = ['2026-11-24T08:56:37.703429Z', '2026-11-24T12:00:00.000000Z'];
const [EARLY, LATE] = ['2027-01-01T00:00:00.000001Z', '2027-01-01T00:00:00.000002Z'];

function found(recorded: unknown, here: unknown): string[] {
  return differences(recorded, here, new IdPairs());
}

describe('the comparison with the recording', () => {
  it('takes other ids and moments, if they stand for the same things everywhere', () => {
    const recorded = { id: A, owner: B, created: MORNING, list: [{ id: A, at: NOON }] };
    const here = { id: X, owner: Y, created: EARLY, list: [{ id: X, at: LATE }] };
    expect(found(recorded, here)).toEqual([]);
  });

  it.each([
    ['one id for two', [A, B], [X, X]],
    ['two ids for one', [A, A], [X, Y]],
    ['one moment for two', [MORNING, NOON], [EARLY, EARLY]],
    ['two moments for one', [MORNING, MORNING], [EARLY, LATE]],
    ['another id within a text', [A, `read:${A}`], [X, `read:${Y}`]],
    ['another word beside an id', `read:${A}`, `write:${X}`],
    ['another text', 'not found', 'gone'],
    ['another number', { code: 5 }, { code: 7 }],
    ['null for nothing', {}, { locale: null }],
    ['a field too few', { id: A, name: 'acme' }, { id: X }],
    ['a field too many', { id: A }, { id: X, name: 'acme' }],
    ['an entry too few', [A, B, C], [X, Y]],
    ['another order', ['reader', 'writer'], ['writer', 'reader']],
    ['a number for a text', { sequence: '5' }, { sequence: 5 }],
    ['another lifetime', { iat: 100, exp: 200 }, { iat: 1100, exp: 1201 }],
    ['a text for a moment', { changed: MORNING }, { changed: 'today' }],
    ['a list for an object', { details: {} }, { details: [] }],
  ])('finds %s', (_, recorded, here) => {
    expect(found(recorded, here)).not.toEqual([]);
  });

  it('translates the ids in names of fields', () => {
    const ids = new IdPairs();
    ids.set(A, X);
    expect(differences({ [`project:${A}`]: 1 }, { [`project:${X}`]: 1 }, ids)).toEqual([]);
    expect(differences({ [`project:${A}`]: 1 }, { [`project:${Y}`]: 1 }, ids)).not.toEqual([]);
  });
});
