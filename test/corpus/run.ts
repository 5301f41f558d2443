// Sends the cases through doors, and compares what is heard with what they say.
import type { DecisionEvent, ZitadelOptions } from 'nestjs-zitadel';
import { partsOf, placesOf, readersOf, requirementOf, SOURCES, type Source } from './asks.js';
import { corpus, type Asks, type CorpusCase, type FileOptions, type WorldFile } from './case.js';
import type { CorpusDoor, DoorName, OpenDoor, Question, Route, Wanted } from './door.js';
import { CorpusWorld } from './world.js';

/** A case, and the file where it stands. */
export interface Filed extends CorpusCase {
  readonly file: string;
}

/** The cases of one world and its options: they share an application at each door. */
export interface Group {
  readonly world: WorldFile;
  readonly options: FileOptions;
  readonly cases: readonly Filed[];
}

/** All cases, by world. */
export function groups(): readonly Group[] {
  const byWorld = new Map<string, Group & { readonly cases: Filed[] }>();
  for (const { file, world, worldName, options, cases } of corpus()) {
    const key = JSON.stringify([worldName, options]);
    const group = byWorld.get(key) ?? { world, options, cases: [] };
    group.cases.push(...cases.map((each) => ({ ...each, file })));
    byWorld.set(key, group);
  }
  return [...byWorld.values()];
}

/** Something that differs from what a case says. */
export interface Difference {
  readonly door: string;
  readonly file: string;
  readonly says: string;
  readonly expected: string;
  readonly heard: string;
}

export interface Outcome {
  readonly results: number;
  /** How many decisions rest on what the shared cache had. */
  readonly shared: number;
  readonly differences: readonly Difference[];
}

/** The values of a case at a door, by source. Undefined where the door cannot say it. */
function valuesAt(door: CorpusDoor, { with: said = {}, asks }: CorpusCase, world: CorpusWorld) {
  const values = Object.fromEntries(SOURCES.map((source) => [source, {}])) as Record<
    Source,
    Record<string, unknown>
  >;
  for (const [place, value] of Object.entries(said)) {
    const { from = door.byName, name } = partsOf(place) ?? { name: place };
    if (from === 'function' || from === 'class' || !door.has.includes(from)) return undefined;
    const filled = world.filledIn(value);
    if (!canSay(from, filled)) return undefined;
    Object.defineProperty(values[from], name, { value: filled, enumerable: true });
  }
  const sources = placesOf(asks).map((place) => partsOf(place)?.from ?? door.byName);
  return sources.every((each) => door.has.includes(each)) ? values : undefined;
}

/** JSON can say everything, a path no empty text, and a header only what is printed and stands alone. */
function canSay(from: Source, value: unknown): boolean {
  if (from === 'body' || from === 'arg') return true;
  if (from === 'query') return typeof value === 'string' || Array.isArray(value);
  if (typeof value !== 'string' || value === '') return false;
  return from === 'param' || (/^[\x20-\x7e]*$/.test(value) && value.trim() === value);
}

/** One case, ready for a door. */
interface Ready {
  readonly filed: Filed;
  readonly question: Question;
  readonly userId: string;
}

/** What a door is asked in a world: its routes, and the cases that it can say. */
export function readyAt(door: CorpusDoor, world: CorpusWorld, cases: readonly Filed[]) {
  const routes = new Map<
    string,
    { asks: Asks; params: Map<string, string[]>; args: Set<string> }
  >();
  const ready: Ready[] = [];
  for (const filed of cases) {
    const values = valuesAt(door, filed, world);
    const { userId, credential } = world.callerOf(filed);
    if (!values || (credential && 'header' in credential && !door.hasHeader)) continue;
    const key = JSON.stringify(filed.asks);
    const route = routes.get(key) ?? { asks: filed.asks, params: new Map(), args: new Set() };
    routes.set(key, route);
    const names = Object.keys(values.param).sort();
    route.params.set(names.join('/'), names);
    for (const name of Object.keys(values.arg)) route.args.add(name);
    const number = [...routes.keys()].indexOf(key);
    ready.push({ filed, question: { route: number, credential, values }, userId });
  }
  const filled = (text: string) => world.filled(text);
  return {
    ready,
    routes: [...routes.values()].map(({ asks, params, args }): Route => ({
      requirement: requirementOf(asks, door.byName, filled),
      params: [...params.values()],
      args: [...args],
    })),
    readers: [...new Set([...routes.values()].flatMap(({ asks }) => readersOf(asks)))],
  };
}

/** Sends what it can of a group through a door. */
export async function through(
  door: CorpusDoor,
  world: CorpusWorld,
  cases: readonly Filed[],
  more: Partial<ZitadelOptions> = {},
  sharedCache?: Wanted['sharedCache'],
): Promise<Outcome> {
  const { ready, ...wanted } = readyAt(door, world, cases);
  const differences: Difference[] = [];
  if (ready.length === 0) return { results: 0, shared: 0, differences };
  const open = await door.open({ ...wanted, sharedCache, options: world.options(more) });
  let shared = 0;
  open.authorizer.onDecision(({ decision }) => {
    if (decision.read?.from === 'shared') shared += 1;
  });
  try {
    const ask = asking(open, world);
    for (const each of ready) differences.push(...(await ask(door.name, each)));
  } finally {
    await open.close();
  }
  return { results: ready.length, shared, differences };
}

/** Asks one case after another, so that each decision is known to be of its case. */
function asking(open: OpenDoor, world: CorpusWorld) {
  let last: DecisionEvent | undefined;
  open.authorizer.onDecision((event) => void (last = event));
  return async (door: DoorName, { filed, question, userId }: Ready): Promise<Difference[]> => {
    last = undefined;
    const ranBefore = open.ran();
    const heard = await open.ask(question).catch((error: unknown) => ({ code: String(error) }));
    const about = { door, file: filed.file, says: filed.says };
    const told = toldOf(filed, last, open.ran() - ranBefore, world);
    const said = [heard.code, ...('caller' in heard ? [`as ${String(heard.caller)}`] : [])];
    const wanted = [filed.gets, ...(filed.gets === 'allowed' ? [`as ${userId}`] : [])];
    const texts = [
      [wanted.join(' '), said.join(' ')],
      ...told.map(({ expected, got }) => [expected, got]),
    ] as const;
    return texts
      .filter(([expected, got]) => expected !== got)
      .map(([expected = '', got = '']) => ({ ...about, expected, heard: got }));
  };
}

/** What the decision itself must say: who, by which row, what was checked, and that a handler ran or not. */
function toldOf(
  { gets, by, checked }: Filed,
  event: DecisionEvent | undefined,
  ran: number,
  world: CorpusWorld,
): readonly { readonly expected: string; readonly got: string }[] {
  const decision = event?.decision;
  const told = [
    { expected: gets, got: decision?.allowed ? 'allowed' : String(decision?.reason) },
    { expected: `ran ${gets === 'allowed' ? 1 : 0}`, got: `ran ${String(ran)}` },
  ];
  if (!decision?.allowed) return told;
  if (by !== undefined) {
    const { kind, id } = world.resource(by);
    const row = decision.by;
    const got = row === undefined ? 'no row' : [row.kind, kind === 'instance' ? '' : row.id].join();
    told.push({ expected: [kind, kind === 'instance' ? '' : id].join(), got });
  }
  if (checked) {
    const wanted = Object.entries(checked).map((pair) => pair.map((each) => world.filled(each)));
    const got = decision.checked.map(({ name, id }) => [name, id]);
    const inOrder = (pairs: string[][]) =>
      [...new Set(pairs.map((pair) => pair.join('=')))].sort().join(' ');
    told.push({ expected: inOrder(wanted), got: inOrder(got) });
  }
  return told;
}

/** Cases through doors. `sampled`: doors that are sent every so manieth case of each world. */
export async function runCorpus(
  doors: readonly CorpusDoor[],
  sampled: readonly CorpusDoor[] = [],
): Promise<Pick<Outcome, 'results' | 'differences'> & Counts> {
  const differences: Difference[] = [];
  let [results, cases, everywhere] = [0, 0, 0];
  for (const group of groups()) {
    const world = await CorpusWorld.create(group.world, group.options);
    try {
      cases += group.cases.length;
      everywhere += group.cases.filter((each) =>
        [...doors, ...sampled].every((door) => readyAt(door, world, [each]).ready.length > 0),
      ).length;
      const some = group.cases.filter((_, index) => index % SAMPLE === 0);
      for (const door of [...doors, ...sampled]) {
        const outcome = await through(door, world, sampled.includes(door) ? some : group.cases);
        results += outcome.results;
        differences.push(...outcome.differences);
      }
    } finally {
      await world.stop();
    }
  }
  return { cases, everywhere, results, differences };
}

const SAMPLE = 6;

interface Counts {
  readonly cases: number;
  /** How many of them every door can say. */
  readonly everywhere: number;
}
