import { describe, expect, it } from 'vitest';
import { Cursor, dateOf, microsFrom, type Entry } from '../../../lib/zitadel/events/cursor.js';
import { seededRandom } from '../../evidence/seeded-random.js';

/** An event: when it was dated, and when it became visible. The server lists by the latter. */
interface Happened extends Entry {
  readonly visibleAt: number;
}

const MS = 1_000;
const SECOND = 1_000 * MS;
const START = 1_800_000_000 * SECOND;
const PAGE = 10;

const event = (at: number, key: string, visibleAt = at): Happened => ({
  at,
  key,
  visibleAt,
  json: undefined,
});
/** Events of one push. */
const push = (at: number, count: number, name: string): Happened[] =>
  Array.from({ length: count }, (_, each) => event(at, `${name}/${each}`));

/** A server with a clock of its own, and somebody who reads it: round for round, with the number of questions. */
class Reading {
  readonly keys: string[] = [];
  questions = 0;
  crowded = 0;
  cursor: Cursor;
  #latest = 0;

  /** `ahead`: by how many milliseconds the monotonic clock of the reader differs from the server's. */
  constructor(
    private readonly all: readonly Happened[],
    since = START - SECOND,
    private readonly ahead = 12_345,
  ) {
    this.cursor = new Cursor(since);
  }

  /** Reads to the end at a moment of the server. `known`: of other questions. */
  round(now: number, known = 0): void {
    const clock = now / MS + this.ahead;
    this.#latest = Math.max(this.#latest, known);
    for (let goesOn = true; goesOn;) {
      this.questions += 1;
      if (this.questions > 10_000) throw new Error('it does not end');
      const { since, until = Infinity } = this.cursor.range;
      const page = this.all
        .filter(({ at, visibleAt }) => visibleAt <= now && at > since && at < until)
        .sort((one, other) => one.visibleAt - other.visibleAt)
        .slice(0, PAGE);
      for (const { at } of page) this.#latest = Math.max(this.#latest, at);
      const taken = this.cursor.take(page, page.length === PAGE);
      this.keys.push(...taken.fresh.map(({ key }) => key));
      if (taken.isCrowded) this.crowded += 1;
      goesOn = taken.goesOn;
    }
    this.cursor.rest(clock, clock, this.#latest);
  }

  /** Another process goes on. */
  restart(): void {
    this.cursor = new Cursor(this.cursor.since);
  }

  get missed(): readonly string[] {
    return this.all.map(({ key }) => key).filter((key) => !this.keys.includes(key));
  }

  get twice(): number {
    return this.keys.length - new Set(this.keys).size;
  }
}

describe('a cursor reads every event once', () => {
  it.each<[string, readonly Happened[], readonly number[]]>([
    ['where nothing happens', [], [0, 3, 6, 60]],
    [
      'that happens between two rounds',
      [event(START, 'a'), event(START + 2 * SECOND, 'b')],
      [1, 4],
    ],
    [
      'of one push at the boundary of a page',
      [...push(START, 9, 'a'), ...push(START + 1, 5, 'b')],
      [1],
    ],
    ['of one push that nearly fills a page', push(START, PAGE - 1, 'a'), [1]],
    [
      'of two pushes of a full page each',
      [...push(START, 9, 'a'), ...push(START + 1, 9, 'b')],
      [1],
    ],
    ['of many pushes at once', Array.from({ length: 95 }, (_, i) => event(START + i, `${i}`)), [1]],
    [
      'that is visible after a later one',
      [event(START, 'late', START + 4 * SECOND), event(START + SECOND, 'b')],
      [2, 5],
    ],
    [
      'that is visible after a full page of later ones',
      [event(START, 'late', START + 100), ...push(START + 10, 9, 'b'), ...push(START + 20, 9, 'c')],
      [1],
    ],
    [
      'that comes late in the quiet after a burst',
      [...push(START, 9, 'a'), event(START + 3 * SECOND, 'late', START + 7 * SECOND)],
      [1, 4, 6, 8, 12],
    ],
    [
      'of before and after a long silence',
      [event(START, 'a'), event(START + 86_400 * SECOND, 'b')],
      [1, 4, 7, 86_401],
    ],
  ])('%s', (_, all, rounds) => {
    const reading = new Reading(all);
    for (const at of rounds) reading.round(START + at * SECOND);
    expect(reading.missed).toEqual([]);
    expect(reading.twice).toBe(0);
    expect(reading.crowded).toBe(0);
  });

  it.each([-1e9, -60_000, 0, 60_000, 1e9])('whose clock is %d ms away from ours', (ahead) => {
    const all = Array.from({ length: 50 }, (_, i) => event(START + i * SECOND, `${i}`));
    const reading = new Reading(all, START - SECOND, ahead);
    for (let at = 0; at < 60; at += 3) reading.round(START + at * SECOND);
    expect([reading.missed, reading.twice]).toEqual([[], 0]);
  });

  it('whatever is pushed when, and however late it shows', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const random = seededRandom(seed, 1);
      let at = START;
      const all = Array.from({ length: 60 }, (_, i) => {
        at += random.below(3) === 0 ? random.below(2 * SECOND) : 1 + random.below(3);
        return push(at, 1 + random.below(4), `${i}`).map((each) => ({
          ...each,
          visibleAt: each.at + random.below(5 * SECOND),
        }));
      }).flat();
      const reading = new Reading(all);
      let now = START;
      for (; now < at + 12 * SECOND; now += SECOND + random.below(3 * SECOND)) reading.round(now);
      expect([seed, reading.missed, reading.twice, reading.crowded]).toEqual([seed, [], 0, 0]);
    }
  });
});

describe('a cursor', () => {
  it('goes on after a restart, and reads the last seconds again', () => {
    const all = Array.from({ length: 40 }, (_, i) => event(START + i * SECOND, `${i}`));
    const reading = new Reading(all);
    for (let at = 0; at < 48; at += 3) {
      reading.round(START + at * SECOND);
      if (at % 9 === 0) reading.restart();
    }
    expect(reading.missed).toEqual([]);
    expect(reading.twice).toBeGreaterThan(0);
  });

  it('asks for nothing again when it is quiet for a while', () => {
    const reading = new Reading(Array.from({ length: 95 }, (_, i) => event(START + i, `${i}`)));
    for (let at = 1; at < 30; at += 3) reading.round(START + at * SECOND);
    expect(reading.cursor.range).toEqual({ since: START + 94, until: undefined });
    const { questions } = reading;
    reading.round(START + 60 * SECOND);
    expect(reading.questions - questions).toBe(1);
  });

  it('moves with what others know, so that its range does not grow in quiet times', () => {
    const reading = new Reading([]);
    reading.round(START, START);
    reading.round(START + 6 * SECOND, START + 6 * SECOND);
    expect(reading.cursor.since).toBe(START + SECOND);
    reading.round(START + 12 * SECOND, START + 12 * SECOND);
    expect(reading.cursor.since).toBe(START + 7 * SECOND);
  });

  it('says that a push has more events than a page, and goes on behind it', () => {
    const reading = new Reading([...push(START, 25, 'a'), ...push(START + 1, 3, 'b')]);
    reading.round(START + SECOND);
    expect(reading.crowded).toBe(1);
    expect(reading.missed.every((key) => key.startsWith('a/'))).toBe(true);
    expect(reading.keys).toContain('b/2');
  });

  it('never goes back', () => {
    const reading = new Reading([event(START, 'a')], START + SECOND);
    reading.round(START + 2 * SECOND);
    reading.round(START + 9 * SECOND);
    expect(reading.cursor.since).toBe(START + SECOND);
    expect(reading.keys).toEqual([]);
  });
});

describe('a date', () => {
  it.each([
    ['2026-11-24T08:56:35.524451Z', 1_795_510_595_524_451],
    ['2026-11-24T08:56:35.5Z', 1_795_510_595_500_000],
    ['2026-11-24T08:56:35Z', 1_795_510_595_000_000],
    ['2026-11-24T08:56:35.524451999Z', 1_795_510_595_524_451],
  ])('%s is read to the microsecond', (text, micros) => {
    expect(microsFrom(text)).toBe(micros);
    expect(microsFrom(dateOf(micros))).toBe(micros);
  });

  it.each([
    undefined,
    5,
    '',
    'now',
    '2026-11-24',
    '2026-13-44T99:00:00Z',
    '2026-11-24T08:56:35+01:00',
  ])('%j is none', (text) => {
    expect(microsFrom(text)).toBeUndefined();
  });
});
