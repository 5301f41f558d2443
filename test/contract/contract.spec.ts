import { readFileSync } from 'node:fs';
import type { QueryLimits } from 'nestjs-zitadel/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAPTERS, type Case, type Chapter } from './case.js';
import { allCases } from './cases/all.js';
import { EmulatorWorld, OLDER_LIMITS } from './emulator-world.js';
import { KNOWN_DIFFERENCES } from './hierarchy-known.js';
import { compareHierarchy, hierarchyInWords } from './hierarchy.js';
import { NotOurs } from './real-bounds.js';
import { ORGANIZATIONS } from './real-server.js';
import { Stage } from './stage.js';
import { lineOf, runSuite, totalsOf, type Findings } from './suite.js';
import { CHANGES, COLUMNS, tableInMarkdown } from './table.js';
import type { Generation } from './world.js';

/** How many sentences each chapter has at least. */
const AT_LEAST: Readonly<Record<Chapter, number>> = {
  tokens: 20,
  introspection: 15,
  userinfo: 10,
  'my memberships': 20,
  'user memberships': 15,
  administrators: 15,
  permissions: 5,
  projects: 6,
  'grants v1': 25,
  'grants v2': 20,
  'grants by actor': 13 * 9 * 4,
  'removed orgs': 9,
  events: 4,
  'errors and hosts': 10,
  afterwards: 134,
};

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
  it.each(CHAPTERS)('has its share of sentences about %s', (chapter) => {
    const said = allCases.filter((one) => one.chapter === chapter).map(({ says }) => says);
    expect(new Set(said).size).toBeGreaterThanOrEqual(AT_LEAST[chapter]);
  });

  it('says nothing twice', () => {
    const said = allCases.map((one) => `${one.chapter} ${String(one.generation)} ${one.says}`);
    expect(said.filter((line, at) => said.indexOf(line) !== at)).toEqual([]);
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

  it('each case is one line, and the totals tell every chapter and both generations', () => {
    expect(run.lines).toHaveLength(allCases.length);
    for (const line of run.lines) expect(line).toMatch(/^ok {10}[a-z0-9 ]+( \[v[12]\])?: .+$/);
    const totals = totalsOf(run.findings).join('\n');
    expect(totals).toMatch(/^\nOn the emulator:\n/);
    const elsewhere = {
      ...run.findings,
      server: 'https://acme.example',
      version: 'ZITADEL v4.20.0',
    };
    expect(totalsOf(elsewhere)).toContain('On https://acme.example, ZITADEL v4.20.0:');
    for (const name of [...CHAPTERS, 'API v1', 'API v2']) {
      expect(totals).toMatch(new RegExp(`^${name} +[1-9]\\d* ok, 0 failed$`, 'm'));
    }
  });

  it('says which role includes which, and where that is not what the library’s table says', async () => {
    const found = await compareHierarchy(run.stage.scene);
    expect(found.line).toBe('v4');
    expect(found.roles).toBeGreaterThan(15);
    // As ZITADEL says itself: an owner of the organization may do everything to its projects but this.
    expect(found.lacking).toContain('ORG_OWNER includes PROJECT_OWNER but for project.app.delete');
    expect(found.lacking.join('\n')).not.toMatch(/VIEWER includes \w+OWNER but/);
    expect(hierarchyInWords(found).join('\n')).toContain('ORG_OWNER includes PROJECT_OWNER');

    // Here nothing is news; what is comes first.
    expect([...found.lacking, ...found.beyond]).toEqual(KNOWN_DIFFERENCES.v4);
    expect(hierarchyInWords(found)).toContain(
      'as on every server of this line with the roles that ZITADEL comes with',
    );
    const other = {
      ...found,
      lacking: [],
      beyond: [...found.beyond, 'ORG_USER_MANAGER > ORG_OWNER'],
    };
    const words = hierarchyInWords(other);
    expect(words.slice(2, 4)).toEqual([
      'on this server, though not in the table:',
      '  ORG_USER_MANAGER > ORG_OWNER',
    ]);
    expect(words.join('\n')).toMatch(/and this one does not:\n(?: {2}.*\n){5}\S/);
    expect(words.join('\n')).not.toContain('as on every server');
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

describe.each<[string, QueryLimits]>([
  ['the limits of older servers', OLDER_LIMITS],
  ['a lower limit', { max: 100 }],
])('on an emulator with %s', (_what, limits) => {
  it('every case has its verdict', async () => {
    // Those that ask for 1000 rows by themselves are about the number that ZITADEL comes with.
    const cases = otherCases.filter(
      ({ says }) => limits.max === undefined || !says.includes('a limit of 1000 is'),
    );
    const run = await runOn('both', cases, { queryLimits: limits });
    await end(run);
    expect(failures(run.findings)).toEqual([]);
    expect(run.findings).toMatchObject({ cases: cases.length, failed: 0 });
  });
});

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
    expect(hierarchyInWords(found)[1]).toContain('of the main line');
  });
});

describe.each(['v1', 'v2'] as const)('on an emulator that serves %s alone', (served) => {
  const missing = otherCases.filter(
    ({ generation }) => generation !== undefined && generation !== served,
  ).length;

  it('the other cases are told as not served, and none of them as passed', async () => {
    const run = await runOn(served, otherCases);
    await end(run);
    expect(failures(run.findings)).toEqual([]);
    expect(run.findings.cases).toBe(otherCases.length - missing);
    expect(run.lines.filter((line) => line.startsWith('not served  '))).toHaveLength(missing);
    const other = served === 'v1' ? 'v2' : 'v1';
    expect(totalsOf(run.findings).join('\n')).toMatch(
      new RegExp(`^API ${other} +0 ok, 0 failed, ${String(missing)} not served`, 'm'),
    );
  });
});

describe('a case', () => {
  const world = { serves: new Set(['v1']), server: 'here' };
  const one: Case = {
    chapter: 'tokens',
    says: 'it holds',
    generation: 'v1',
    again: true,
    verdict: { status: 200 },
    ask: () => Promise.resolve({ status: 200 }),
  };

  async function told(more: Partial<Case>, patienceMs = 100): Promise<string> {
    const stage = { scene: { world: { ...world, patienceMs } } } as unknown as Stage;
    const lines: string[] = [];
    await runSuite(stage, (line) => lines.push(line), [{ ...one, ...more }]);
    return lines.join('\n');
  }

  it('that has its verdict is ok', async () => {
    expect(await told({})).toBe('ok          tokens [v1]: it holds');
  });

  it('that has another is FAILED, with both', async () => {
    expect(await told({ verdict: { status: 404 } })).toBe(
      'FAILED      tokens [v1]: it holds\n    expected {"status":404}\n    got      {"status":200}',
    );
  });

  it('that throws is FAILED, with what was thrown', async () => {
    const ask = () => Promise.reject(new Error('no such host'));
    expect(await told({ ask })).toContain('got      {"failed":"Error: no such host"}');
  });

  it('that reads is asked again while the server lags', async () => {
    let asked = 0;
    const ask = () => Promise.resolve({ status: ++asked < 3 ? 404 : 200 });
    expect(await told({ ask }, 60_000)).toMatch(/^ok/);
    expect(asked).toBe(3);
  });

  it('that changes something is asked once', async () => {
    let asked = 0;
    const ask = () => Promise.resolve({ status: ++asked < 3 ? 404 : 200 });
    expect(await told({ ask, again: false })).toMatch(/^FAILED/);
    expect(asked).toBe(1);
  });

  it('that meets a server on which more than our own could be changed ends the run', async () => {
    const ask = () => Promise.reject(new NotOurs('not ours'));
    await expect(told({ ask })).rejects.toThrow('not ours');
  });

  it('that needs what a server does not have is not asked', async () => {
    const ask = () => Promise.reject(new Error('asked'));
    const needs = 'instance header';
    expect(await told({ ask, needs })).toBe('not served  tokens [v1]: it holds');
  });

  it('of a generation that is not served is not asked', async () => {
    const ask = () => Promise.reject(new Error('asked'));
    expect(await told({ ask, generation: 'v2' })).toBe('not served  tokens [v2]: it holds');
  });
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

  it('has a row for each change and a column for each combination', () => {
    expect(rows[0]).toEqual(['after', ...COLUMNS.map(({ name }) => name)]);
    expect(rows.slice(2).map(([change]) => change)).toEqual([...CHANGES]);
  });

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
