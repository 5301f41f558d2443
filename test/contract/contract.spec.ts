import { readFileSync } from 'node:fs';
import type { QueryLimits } from 'nestjs-zitadel/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAPTERS, type Case, type Chapter } from './case.js';
import { allCases } from './cases/all.js';
import { EmulatorWorld, OLDER_LIMITS } from './emulator-world.js';
import { KNOWN_DIFFERENCES } from './hierarchy-known.js';
import { compareHierarchy } from './hierarchy.js';
import { NotOurs } from './real-bounds.js';
import { ORGANIZATIONS } from './real-server.js';
import { Stage } from './stage.js';
import { lineOf, runSuite, type Findings } from './suite.js';
import { CHANGES, COLUMNS, tableInMarkdown } from './table.js';
import type { Generation } from './world.js';

/** How many cases there are at least, so that none is lost unseen. */
const AT_LEAST = 1_188;

interface Run {
  readonly world: EmulatorWorld;
  readonly stage: Stage;
  readonly findings: Findings;
  readonly lines: readonly string[];
}

async function runOn(
  apis: Generation | 'both',
  cases: readonly Case[] = allCases,
  like: Parameters<typeof EmulatorWorld.start>[2] = {},
): Promise<Run> {
  const world = await EmulatorWorld.start(apis, 'spec', like);
  const stage = await Stage.set(world);
  const lines: string[] = [];
  const findings = await runSuite(stage, (line) => lines.push(line), cases);
  return { world, stage, findings, lines };
}

async function end({ stage, world }: Pick<Run, 'stage' | 'world'>): Promise<void> {
  await stage.close();
  await world.close();
}

function failures({ outcomes }: Findings): readonly string[] {
  return outcomes.filter(({ result }) => result === 'FAILED').map(lineOf);
}

describe('the contract', () => {
  it('has a case of every chapter, and has lost none', () => {
    expect(new Set(allCases.map(({ chapter }) => chapter))).toEqual(new Set(CHAPTERS));
    expect(allCases.length).toBeGreaterThanOrEqual(AT_LEAST);
  });

  it('has the same verdict for both generations wherever it asks both', () => {
    const verdicts = new Map<string, unknown>();
    for (const { chapter, says, verdict } of allCases) {
      const name = `${chapter}: ${says}`;
      expect(verdict, name).toEqual(verdicts.get(name) ?? verdict);
      verdicts.set(name, verdict);
    }
  });
});

describe('on an emulator with both generations of the API', () => {
  let run: Run;
  beforeAll(async () => {
    run = await runOn('both');
  }, 180_000);
  afterAll(() => end(run));

  it('every case has its verdict', () => {
    expect(failures(run.findings)).toEqual([]);
    expect(run.findings).toMatchObject({ server: 'emulator', cases: allCases.length, failed: 0 });
  });

  it('makes as many organizations as it announces on a real server', () => {
    expect(run.world.organizations).toBe(ORGANIZATIONS);
  });

  it('the roles of the v4 line include each other as is known', async () => {
    const found = await compareHierarchy(run.stage.scene);
    expect(found.line).toBe('v4');
    expect(found.roles).toBeGreaterThan(15);
    // As ZITADEL says itself: an owner of the organization may do everything to its projects but this.
    expect(found.lacking).toContain('ORG_OWNER includes PROJECT_OWNER but for project.app.delete');
    expect(found.lacking.join('\n')).not.toMatch(/VIEWER includes \w+OWNER but/);
    expect([...found.lacking, ...found.beyond]).toEqual(KNOWN_DIFFERENCES.v4);
  });
});

/** Neither the limits nor the generation of a server change what is said in these, the longest chapters. */
const ALIKE: ReadonlySet<Chapter> = new Set([
  'tokens',
  'introspection',
  'userinfo',
  'afterwards',
  'grants by actor',
]);
const otherCases = allCases.filter(({ chapter }) => !ALIKE.has(chapter));

describe('on an emulator of the main line', () => {
  const chapters: ReadonlySet<Chapter> = new Set(['permissions', 'grants by actor']);
  const cases = allCases.filter(({ chapter }) => chapters.has(chapter));

  it('what roles permit has its verdict too, and the hierarchy holds', async () => {
    const run = await runOn('v1', cases, { line: 'main' });
    const found = await compareHierarchy(run.stage.scene);
    await end(run);
    expect(failures(run.findings)).toEqual([]);
    expect(found.line).toBe('main');
    expect([...found.lacking, ...found.beyond]).toEqual(KNOWN_DIFFERENCES.main);
    expect(found.beyond.join('\n')).not.toContain('ORG_PROJECT_PERMISSION_EDITOR >');
  });
});

/** Older servers differ in the limits of API v1 alone. */
describe.each<[Generation, string, QueryLimits]>([
  ['v1', 'the limits of older servers', OLDER_LIMITS],
  ['v2', 'a lower limit', { max: 100 }],
])('on an emulator that serves %s alone, with %s', (served, _what, limits) => {
  // Those that ask for 1000 rows by themselves are about the number that ZITADEL comes with.
  const cases = otherCases.filter(
    ({ says }) => limits.max === undefined || !says.includes('a limit of 1000 is'),
  );
  const other: Generation = served === 'v1' ? 'v2' : 'v1';
  const isMissing = ({ generation, needs }: Case) => generation === other || needs === other;
  const missing = cases.filter(isMissing).length;

  it('every case has its verdict, and those of the other generation are told as not served', async () => {
    const run = await runOn(served, cases, { queryLimits: limits });
    await end(run);
    expect(failures(run.findings)).toEqual([]);
    expect(run.findings).toMatchObject({ cases: cases.length - missing, failed: 0 });
    expect(run.lines.filter((line) => line.startsWith('not served  '))).toHaveLength(missing);
  });
});

/** What a run does to a server, whatever the cases say. */
describe('a case', () => {
  const one: Case = {
    chapter: 'tokens',
    says: 'it holds',
    generation: 'v1',
    again: true,
    verdict: { status: 200 },
    ask: () => Promise.resolve({ status: 200 }),
  };

  async function told(more: Partial<Case>, patienceMs = 100): Promise<string> {
    const world = { serves: new Set(['v1']), server: 'here', patienceMs };
    const stage = { scene: { world } } as unknown as Stage;
    const lines: string[] = [];
    const { failed } = await runSuite(stage, (line) => lines.push(line), [{ ...one, ...more }]);
    expect(failed).toBe(lines[0]?.startsWith('FAILED') === true ? 1 : 0);
    return lines.join('\n');
  }

  it.each<[string, Partial<Case>, RegExp]>([
    ['has its verdict', {}, /^ok {10}tokens \[v1\]: it holds$/],
    ['has another', { verdict: { status: 404 } }, /^FAILED.*expected .*404.*got .*200/s],
    ['throws', { ask: () => Promise.reject(new Error('no host')) }, /^FAILED.*no host/s],
  ])('that %s says so', async (_what, more, line) => {
    expect(await told(more)).toMatch(line);
  });

  it.each<[string, boolean, number, RegExp]>([
    ['reads is asked again while the server lags', true, 3, /^ok/],
    ['changes something is asked once', false, 1, /^FAILED/],
  ])('that %s', async (_what, again, times, line) => {
    let asked = 0;
    const ask = () => Promise.resolve({ status: ++asked < 3 ? 404 : 200 });
    expect(await told({ ask, again }, 60_000)).toMatch(line);
    expect(asked).toBe(times);
  });

  it('that meets a server on which more than our own could be changed ends the run', async () => {
    const ask = () => Promise.reject(new NotOurs('not ours'));
    await expect(told({ ask })).rejects.toThrow('not ours');
  });

  it.each<Partial<Case>>([{ needs: 'instance header' }, { generation: 'v2' }])(
    'that needs what a server does not have is not asked: %j',
    async (more) => {
      const ask = () => Promise.reject(new Error('asked'));
      expect(await told({ ask, ...more })).toMatch(/^not served/);
    },
  );
});

describe('the table of what still works afterwards', () => {
  const rows = tableInMarkdown()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

  it('stands in SECURITY.md', () => {
    const security = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');
    expect(security).toContain(tableInMarkdown());
  });

  it('has a case for every cell, but where a combination never takes such a token or has no service user', () => {
    const cells = rows
      .slice(2)
      .flatMap(([change, ...verdicts]) =>
        verdicts.map((verdict, at) => ({ change, column: COLUMNS[at]?.name ?? '', verdict })),
      );
    expect(cells).toHaveLength(CHANGES.length * COLUMNS.length);
    for (const { change, column, verdict } of cells) {
      const shown = allCases.filter(({ says }) => says.startsWith(`${String(change)}: ${column} `));
      expect(shown.length === 0, `${String(change)}: ${column}`).toBe(verdict === '–');
    }
    expect(cells.filter(({ verdict }) => verdict === '–')).toHaveLength(6);
  });
});
