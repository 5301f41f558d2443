import { project, role, type IdReaderClass, type ProjectRef } from 'nestjs-zitadel';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import type { Code, Source } from '../corpus/asks.js';
import type { CorpusDoor, Heard, OpenDoor, Route } from '../corpus/door.js';
import { DOORS } from '../corpus/doors/all.js';
import { hostileAnswers, hostileTexts, hostileValues, strayTexts } from '../doors/hostile-ids.js';
import type { Figures, RunOptions } from './proof.js';

export const about =
  'hostile ids from every source at every door: none gets in, breaks or reaches a URL';

/** What a client may hear. A path or header that is too long is the server’s own affair. */
const REFUSED: ReadonlySet<string> = new Set([
  'resource_invalid',
  'role_missing',
  'status 404',
  'status 414',
  'status 431',
]);
/** Part of a long run: how many combinations of value, source and door are one in the short form. */
const SHARE = 6;
// In small letters, as Node gives the names of headers.
const NAME = 'projectid';
/** How many values are under way at once, where each request has its own. */
const AT_ONCE = 12;

/** A value that is no id. Made anew for each request: some can be read only once. */
interface Hostile {
  readonly what: string;
  readonly make: () => unknown;
  /** What can say it: any text, JSON alone, or only code. */
  readonly by: 'text' | 'json' | 'code';
}

function hostile(portal: string): readonly Hostile[] {
  const texts = [...hostileTexts({ portal }), ...strayTexts({ portal })];
  return [
    ...texts.map(({ what, raw }) => ({ what, make: () => raw, by: 'text' as const })),
    ...Object.entries({ null: null, ...hostileValues({ portal }) }).map(([what, value]) => ({
      what,
      make: () => value,
      by: 'json' as const,
    })),
    ...Object.entries(hostileAnswers({ portal })).map(([what, make]) => ({
      what,
      make,
      by: 'code' as const,
    })),
  ];
}

type Place = Source | Code;

/** Whether a value can be said there, and is then still hostile. */
function canSay({ make, by }: Hostile, place: Place, portal: string): boolean {
  if (place === 'function' || place === 'class') return true;
  if (by === 'code') return false;
  if (place === 'body' || place === 'arg') return true;
  const raw = make();
  if (by === 'json' || typeof raw !== 'string') return false;
  if (place === 'param') return raw !== '';
  if (place === 'query') return true;
  // White space around a header is no part of it (RFC 9110, section 5.5), and a control character cannot be sent.
  const isPrinted = [...raw].every((each) => each === '\t' || (each >= ' ' && each !== '\u007f'));
  return isPrinted && raw.trim() !== portal;
}

/** What the code of the application finds. */
const odd: { answer: () => unknown } = { answer: () => undefined };
const readOdd = () => odd.answer() as string | undefined;
class OddId {
  readId(): string | undefined {
    return readOdd();
  }
}

function refOf(place: Place): ProjectRef {
  if (place === 'function') return project.from(readOdd);
  return place === 'class' ? project.from(OddId as IdReaderClass) : project[place](NAME);
}

const routeOf = (place: Place): Route => ({
  requirement: role('PROJECT_OWNER', refOf(place) as ReturnType<typeof project>),
  params: [place === 'param' ? [NAME] : []],
  args: place === 'arg' ? [NAME] : [],
});

/** A door with a route for each of its sources. */
class Hostilities {
  readonly figures = { requests: 0, allowed: 0, errors500: 0, rawInUrl: 0 };

  constructor(
    private readonly zitadel: ZitadelEmulator,
    private readonly portal: string,
    private readonly tokens: readonly string[],
    private readonly progress: RunOptions['progress'],
  ) {}

  async at(door: CorpusDoor, chosen: (place: Place) => readonly Hostile[]): Promise<void> {
    const { portal, zitadel } = this;
    const silent = { debug() {}, log() {}, warn() {}, error() {} };
    const open = await door.open({
      options: zitadel.options({ logger: silent }),
      routes: door.has.map(routeOf),
      readers: [OddId],
    });
    try {
      for (const [route, place] of door.has.entries()) {
        // The right id gets in: a refusal is about what is hostile.
        for (const { code } of await this.#askAs(open, route, place, () => portal)) {
          if (code !== 'allowed') throw new Error(`${door.name}, ${place}: ${code} for the id`);
        }
        const values = chosen(place).filter((each) => canSay(each, place, portal));
        const isCode = place === 'function' || place === 'class';
        const step = isCode ? 1 : AT_ONCE;
        for (let from = 0; from < values.length; from += step) {
          const some = values.slice(from, from + step);
          zitadel.resetRequests();
          const heard = await Promise.all(
            some.map((each) => this.#askAs(open, route, place, each.make)),
          );
          for (const [index, all] of heard.entries()) {
            const where = `${door.name}, ${place}: ${some[index]?.what ?? ''}`;
            for (const { code } of all) this.#judge(code, where);
          }
          this.#lookForRaw(some, `${door.name}, ${place}`);
        }
      }
    } finally {
      await open.close();
    }
  }

  /** As each of those for whom the right id is enough. */
  #askAs(
    open: OpenDoor,
    route: number,
    place: Place,
    make: () => unknown,
  ): Promise<readonly Heard[]> {
    const isCode = place === 'function' || place === 'class';
    if (isCode) odd.answer = make;
    const none = { param: {}, query: {}, body: {}, header: {}, arg: {} };
    return Promise.all(
      this.tokens.map((bearer) => {
        const values = isCode ? none : { ...none, [place]: { [NAME]: make() } };
        return open.ask({ route, credential: { bearer }, values });
      }),
    );
  }

  #judge(code: string, where: string): void {
    this.figures.requests += 1;
    if (REFUSED.has(code)) return;
    this.progress(`${where}: ${code}`);
    if (code === 'allowed') this.figures.allowed += 1;
    else this.figures.errors500 += 1;
  }

  /** What is no id must not be asked about at all; that it stands in no URL is the least. */
  #lookForRaw(some: readonly Hostile[], where: string): void {
    const paths = this.zitadel.requestLog().map(({ path }) => path);
    const raws = some.map(({ make }) => make()).filter((raw) => typeof raw === 'string');
    const long = raws.filter((raw) => raw.length > 2);
    const found = paths.filter(
      (path) =>
        path.startsWith('/management/') ||
        long.some((raw) => path.includes(raw) || path.includes(encodeURIComponent(raw))),
    );
    for (const path of found) this.progress(`${where}: ZITADEL was asked ${path}`);
    this.figures.rawInUrl += found.length;
  }
}

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const zitadel = await ZitadelEmulator.start();
  try {
    const acme = zitadel.addOrg('acme');
    const { id: portal } = zitadel.addProject('portal', { org: acme });
    const [owner, everywhere] = [zitadel.addUser('owner'), zitadel.addUser('everywhere')];
    zitadel.addMember(owner, { org: acme }, ['ORG_OWNER']);
    zitadel.addMember(everywhere, 'instance', ['IAM_OWNER']);
    const tokens = [owner, everywhere].map((user) => zitadel.tokenFor(user));
    const values = hostile(portal);
    const hostilities = new Hostilities(zitadel, portal, tokens, progress);
    let combination = 0;
    for (const door of DOORS) {
      const before = hostilities.figures.requests;
      await hostilities.at(door, () => {
        combination += 1;
        return values.filter((_, index) => !short || (index + combination) % SHARE === 0);
      });
      progress(`${door.name}: ${hostilities.figures.requests - before} requests`);
    }
    const { figures } = hostilities;
    return {
      ok: figures.allowed + figures.errors500 + figures.rawInUrl === 0,
      values: values.length,
      doors: DOORS.length,
      sources: new Set(DOORS.flatMap(({ has }) => has)).size,
      ...figures,
    };
  } finally {
    await zitadel.stop();
  }
}
