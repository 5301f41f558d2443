import { setTimeout as sleep } from 'node:timers/promises';
import {
  basic,
  introspection,
  jwt,
  key,
  pat,
  userinfo,
  type ZitadelOptions,
} from 'nestjs-zitadel/express';
import { ZitadelEmulator, type Org } from 'nestjs-zitadel/testing';
import { openExpress, openNest, ROUTES, type Door } from './proof-doors.js';
import {
  KINDS,
  prepareDeath,
  tokenOf,
  type Death,
  type Form,
  type NamedToken,
} from './dead-token-kinds.js';

export const about =
  'a token that ZITADEL accepts no more is allowed for the TTL at most, and nobody else is refused';

const TTL_MS = 500;
const GRACE_MS = 250;

/** A way to know callers and to read memberships, and the forms of tokens that it takes. */
interface Way {
  readonly text: string;
  readonly forms: readonly Form[];
  readonly options: (world: World) => Partial<ZitadelOptions>;
  /** It does not show whom a token is for. */
  readonly isBlindToAudience?: boolean;
  /** Left out of the short form: a mixture of others. */
  readonly inLongForm?: boolean;
}

interface World {
  readonly zitadel: ZitadelEmulator;
  /** Everybody manages it. */
  readonly acme: Org;
  /** The token of a service user that reads everything. */
  readonly reader: string;
}

const asServiceUser = ({ reader }: World) => ({
  serviceUser: pat(reader),
  memberships: { as: 'serviceUser' as const },
});
const inOrganizations = ({ reader, acme }: World) => ({
  serviceUser: pat(reader),
  memberships: { as: 'serviceUser' as const, organizations: [acme.id] },
});
const bySecret = ({ zitadel }: World) => {
  const { clientId, clientSecret } = zitadel.addApiApplication(zitadel.defaultProject);
  return introspection(basic(clientId, clientSecret));
};
const byKey = ({ zitadel }: World) =>
  introspection(key(zitadel.addApplicationKey(zitadel.defaultProject)));

const ANY: readonly Form[] = ['jwt', 'opaque', 'pat'];
const NO_JWT: readonly Form[] = ['opaque', 'pat'];

const WAYS: readonly Way[] = [
  {
    text: 'jwt, as the caller, v1',
    forms: ['jwt'],
    options: () => ({ callers: jwt(), api: 'v1' }),
  },
  {
    text: 'jwt, as the caller, v2',
    forms: ['jwt'],
    options: () => ({ callers: jwt(), api: 'v2' }),
    inLongForm: true,
  },
  {
    text: 'jwt, as the service user in organizations, v1',
    forms: ['jwt'],
    options: (world) => ({ callers: jwt(), ...inOrganizations(world) }),
  },
  {
    text: 'jwt, as the service user everywhere, v2',
    forms: ['jwt'],
    options: (world) => ({ callers: jwt(), ...asServiceUser(world) }),
  },
  {
    text: 'introspection, as the caller',
    forms: ANY,
    options: (world) => ({ callers: bySecret(world) }),
  },
  {
    text: 'introspection, as the service user in organizations, v1',
    forms: NO_JWT,
    options: (world) => ({ callers: byKey(world), ...inOrganizations(world) }),
    inLongForm: true,
  },
  {
    text: 'introspection, as the service user everywhere, v2',
    forms: NO_JWT,
    options: (world) => ({ callers: bySecret(world), ...asServiceUser(world) }),
  },
  {
    text: 'userinfo',
    forms: ANY,
    options: () => ({ callers: userinfo() }),
    isBlindToAudience: true,
  },
  {
    text: 'jwt and introspection, as the service user everywhere, v2',
    forms: ANY,
    options: (world) => ({ callers: [jwt(), bySecret(world)], ...asServiceUser(world) }),
    inLongForm: true,
  },
  {
    text: 'jwt and userinfo',
    forms: ANY,
    options: () => ({ callers: [jwt(), userinfo()] }),
    inLongForm: true,
  },
];

interface Pace {
  /** Between two requests with one token to one route. */
  readonly everyMs: number;
  /** After the bound: longer than what is remembered of a refusal, in the long form. */
  readonly afterMs: number;
  /** Everything dies in every form of tokens; else in one form a way. */
  readonly everyForm: boolean;
}

interface Tally {
  /** Tokens that died, times ways, doors and routes. */
  cells: number;
  requests: number;
  lateAllows: number;
  othersRefused: number;
  /** Cells without an allow before the change or without a refusal after it, so that nothing was put to the test. */
  untried: number;
  /** How long after the change the last request that was allowed was sent. */
  latestAllowMs: number;
}

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress(text: string): void;
}): Promise<Record<string, unknown> & { ok: boolean }> {
  const tally: Tally = {
    cells: 0,
    requests: 0,
    lateAllows: 0,
    othersRefused: 0,
    untried: 0,
    latestAllowMs: 0,
  };
  const pace = short
    ? { everyMs: 100, afterMs: 600, everyForm: false }
    : { everyMs: 100, afterMs: 7_000, everyForm: true };
  const atOnce = short ? 2 : 1;
  const ways = WAYS.filter(({ inLongForm = false }) => !short || !inLongForm);
  const rooms = ways.flatMap((way, number) =>
    // Both doors ask the same library: the short form takes turns.
    (short ? [number % 2 ? openNest : openExpress] : [openExpress, openNest]).map((open) => ({
      way,
      open,
    })),
  );
  for (let from = 0; from < rooms.length; from += atOnce) {
    const said = await Promise.all(
      rooms.slice(from, from + atOnce).map(({ way, open }) => inRoom(way, open, pace, tally)),
    );
    for (const text of said.flat()) progress(text);
  }
  const { lateAllows, othersRefused, untried } = tally;
  return {
    ok: lateAllows === 0 && othersRefused === 0 && untried === 0 && tally.cells > 0,
    kinds: KINDS.length,
    ways: ways.length,
    ...tally,
    latestAllowMs: Math.round(tally.latestAllowMs),
    ttlMs: TTL_MS,
  };
}

/** Lets every kind of token die at once, under constant requests of its holders and of others. */
async function inRoom(
  way: Way,
  open: (options: ZitadelOptions) => Promise<Door>,
  pace: Pace,
  tally: Tally,
): Promise<readonly string[]> {
  const zitadel = await ZitadelEmulator.start();
  const acme = zitadel.addOrg('acme');
  const service = zitadel.addServiceUser('reader', { org: acme });
  zitadel.addMember(service, 'instance', ['IAM_OWNER_VIEWER']);
  const world: World = { zitadel, acme, reader: zitadel.patFor(service) };
  const deaths = await deathsOf(world, way, pace);
  const others = othersBeside(world, way, deaths);
  const { issuer, audience } = zitadel.options();
  const door = await open({
    issuer,
    ...(way.isBlindToAudience !== true && audience !== undefined && { audience }),
    ...way.options(world),
    cache: { ttlMs: TTL_MS },
    logger: SILENT,
  });
  const asker = new Asker(door, acme.id, pace.everyMs);
  const said: string[] = [];
  const blame = (text: string) => said.push(`${door.name}, ${way.text}: ${text}`);
  try {
    const dying = await Promise.all(
      deaths.map(async (death) => ({ death, asked: await asker.keepAsking(death.tokens) })),
    );
    const healthy = await asker.keepAsking(others);
    const changedAt = new Map<Death, number>();
    for (const { death } of dying) {
      await death.kind.kill(zitadel, death);
      changedAt.set(death, performance.now());
    }
    await sleep(TTL_MS + GRACE_MS + pace.afterMs);
    asker.stop();

    for (const { what, answers } of await Promise.all(healthy.map(settled))) {
      tally.requests += answers.length;
      const refused = answers.filter(({ status }) => status !== 200);
      tally.othersRefused += refused.length;
      if (refused.length > 0) blame(`healthy, ${what}: ${countsOf(answers)}`);
    }
    for (const { death, asked } of dying) {
      const at = changedAt.get(death) ?? 0;
      for (const { what, answers } of await Promise.all(asked.map(settled))) {
        const allowed = answers.filter(({ status }) => status === 200);
        const lastMs = Math.max(...allowed.map(({ sentAt }) => sentAt - at));
        const late = allowed.filter(({ sentAt }) => sentAt - at > TTL_MS + GRACE_MS);
        const isTried =
          allowed.some(({ sentAt }) => sentAt < at) && allowed.length < answers.length;
        tally.cells += 1;
        tally.requests += answers.length;
        tally.lateAllows += late.length;
        tally.latestAllowMs = Math.max(tally.latestAllowMs, lastMs);
        if (!isTried) tally.untried += 1;
        if (late.length > 0 || !isTried) {
          blame(`${death.kind.text}, ${what}: ${countsOf(answers)}; ${late.length} late`);
        }
      }
    }
    return said;
  } finally {
    asker.stop();
    await door.close();
    await zitadel.stop();
  }
}

async function deathsOf({ zitadel, acme }: World, way: Way, pace: Pace): Promise<readonly Death[]> {
  const deaths: Death[] = [];
  for (const kind of KINDS) {
    const forms = kind.forms.filter((form) => way.forms.includes(form));
    for (const form of pace.everyForm ? forms : forms.slice(0, 1)) {
      deaths.push(await prepareDeath(zitadel, acme, kind, form));
    }
  }
  return deaths;
}

/** Callers to whom nothing happens, the other tokens of those to whom something does among them. */
function othersBeside(
  { zitadel, acme }: World,
  { forms }: Way,
  deaths: readonly Death[],
): readonly NamedToken[] {
  const strangers = forms.flatMap((form) =>
    [1, 2].map((number) => {
      const name = `healthy-${form}-${number}`;
      const user =
        form === 'pat'
          ? zitadel.addServiceUser(name, { org: acme })
          : zitadel.addUser(name, { org: acme });
      zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
      return { what: form, token: tokenOf(zitadel, user, form) };
    }),
  );
  return [...strangers, ...deaths.flatMap(({ others }) => others)];
}

interface Answered {
  readonly sentAt: number;
  readonly status: number;
}

/** One token on one route. */
interface Asking {
  readonly what: string;
  readonly answers: Promise<readonly Answered[]>;
}

/** Asks without end, with every token on every route. */
class Asker {
  #isOver = false;

  constructor(
    private readonly door: Door,
    private readonly orgId: string,
    private readonly everyMs: number,
  ) {}

  stop(): void {
    this.#isOver = true;
  }

  /** Resolves when each was answered once, and goes on. */
  keepAsking(tokens: readonly NamedToken[]): Promise<readonly Asking[]> {
    return Promise.all(
      tokens.flatMap(({ what, token }) =>
        Object.entries(ROUTES).map(async ([route, pathOf]) => {
          const path = pathOf(this.orgId);
          const first = await this.#ask(path, token);
          return { what: `${what}, ${route}`, answers: this.#goOn(first, path, token) };
        }),
      ),
    );
  }

  async #goOn(first: Answered, path: string, token: string): Promise<readonly Answered[]> {
    const answers = [first];
    while (!this.#isOver) {
      await sleep(this.everyMs);
      answers.push(await this.#ask(path, token));
    }
    return answers;
  }

  async #ask(path: string, token: string): Promise<Answered> {
    const sentAt = performance.now();
    const { status } = await this.door.ask(path, token);
    return { sentAt, status };
  }
}

async function settled({ what, answers }: Asking) {
  return { what, answers: await answers };
}

function countsOf(answers: readonly Answered[]): string {
  const counts = new Map<number, number>();
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} times ${status}`).join(', ');
}

const SILENT = {
  debug: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
