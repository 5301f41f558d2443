import { isDeepStrictEqual } from 'node:util';
import { CHAPTERS, type Case } from './case.js';
import { allCases } from './cases/all.js';
import { NotOurs } from './real-bounds.js';
import type { Stage } from './stage.js';
import type { World } from './world.js';

/** What became of one case. */
export interface Outcome {
  readonly case: Case;
  readonly result: 'ok' | 'FAILED' | 'not served';
  /** What was answered instead of the verdict. */
  readonly got?: unknown;
}

/** What the suite found, and how it is summed up. */
export interface Findings {
  readonly outcomes: readonly Outcome[];
  readonly server: string;
  /** What the server says that it is. */
  readonly version: string;
  readonly cases: number;
  readonly failed: number;
}

/** Runs every case in its order and tells each as one line. */
export async function runSuite(
  stage: Stage,
  say: (line: string) => void,
  cases: readonly Case[] = allCases,
): Promise<Findings> {
  const { world } = stage.scene;
  const outcomes: Outcome[] = [];
  for (const one of cases) {
    const outcome = await runCase(one, stage, world);
    outcomes.push(outcome);
    say(lineOf(outcome));
  }
  return summedUp(outcomes, world);
}

async function runCase(one: Case, stage: Stage, world: World): Promise<Outcome> {
  const needed = [one.generation, one.needs].filter((each) => each !== undefined);
  if (!needed.every((each) => world.serves.has(each))) {
    return { case: one, result: 'not served' };
  }
  const limit = performance.now() + (one.again ? world.patienceMs : 0);
  let got: unknown;
  for (let waitMs = 5; ; waitMs = Math.min(200, waitMs * 2)) {
    got = await one.ask(stage).catch((error: unknown) => {
      // Nothing more may be asked of such a server.
      if (error instanceof NotOurs) throw error;
      return { failed: String(error) };
    });
    if (isDeepStrictEqual(got, one.verdict)) return { case: one, result: 'ok' };
    if (performance.now() >= limit) return { case: one, result: 'FAILED', got };
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

/** `ok      grants v1: a grant is added`, and on failure what was expected. */
export function lineOf({ case: one, result, got }: Outcome): string {
  const where = one.generation === undefined ? '' : ` [${one.generation}]`;
  const line = `${result.padEnd(10)}  ${one.chapter}${where}: ${one.says}`;
  if (result !== 'FAILED') return line;
  return `${line}\n    expected ${JSON.stringify(one.verdict)}\n    got      ${JSON.stringify(got)}`;
}

function summedUp(outcomes: readonly Outcome[], { server, version }: World): Findings {
  const served = outcomes.filter(({ result }) => result !== 'not served');
  const failed = served.filter(({ result }) => result === 'FAILED').length;
  return { outcomes, server, version, cases: served.length, failed };
}

/** Totals by chapter and by generation of the API, for people, on which server. */
export function totalsOf({ outcomes, server, version }: Findings): readonly string[] {
  const lines = CHAPTERS.map((chapter) =>
    countLine(
      chapter,
      outcomes.filter((outcome) => outcome.case.chapter === chapter),
    ),
  );
  const byApi = [undefined, 'v1', 'v2'] as const;
  return [
    '',
    server === 'emulator' ? `On ${version}:` : `On ${server}, ${version}:`,
    ...lines,
    '',
    ...byApi.map((api) =>
      countLine(
        api === undefined ? 'of no generation' : `API ${api}`,
        outcomes.filter((outcome) => outcome.case.generation === api),
      ),
    ),
  ];
}

function countLine(name: string, outcomes: readonly Outcome[]): string {
  const count = (result: Outcome['result']) =>
    outcomes.filter((outcome) => outcome.result === result).length;
  const missing = count('not served');
  const parts = [`${String(count('ok'))} ok`, `${String(count('FAILED'))} failed`];
  if (missing > 0) parts.push(`${String(missing)} not served by this server`);
  return `${name.padEnd(18)}${parts.join(', ')}`;
}
