import { ZitadelError } from 'nestjs-zitadel/express';
import { createZitadel } from './data-path.js';
import { FaultServer, LINE_HEADER } from './fault-server.js';
import { SILENT } from './fault-subjects.js';
import { PAGES, type PageAnswer } from './page-answers.js';
import { CALLS, OWN_WORDS, openWorld, type Asked } from './page-calls.js';
import type { Figures } from './proof.js';
import { answering } from './strikes.js';

export const about =
  'what proxies and firewalls answer in ZITADEL’s place: an outage at every endpoint, no denial';

/** In the short form, of each endpoint every so many. */
const SHORT_STEP = 5;

/** How an answer was told: to a request as a reason, to whoever calls a service as a code. */
interface Told {
  readonly as: string;
  readonly remedy: string;
}

const OUTAGES: ReadonlySet<string> = new Set(['unavailable', 'zitadel_unavailable']);
const OURS: ReadonlySet<string> = new Set(['misconfigured', 'zitadel_refused']);

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress: (text: string) => void;
}): Promise<Figures> {
  const world = await openWorld();
  const server = await FaultServer.start(world.zitadel.url);
  let lines = 0;
  /** One question, while one endpoint answers like this. */
  const put = async (call: Asked, answer: PageAnswer): Promise<Told> => {
    const line = `page-${(lines += 1)}`;
    let met = 0;
    const { status, body, headers } = answer;
    server.strike(line, ({ path }) => {
      if (!call.path.test(path)) return undefined;
      met += 1;
      return answering(status, body, headers);
    });
    const { audience = [], ...options } = world.zitadel.options({
      internalUrl: server.url,
      logger: SILENT,
      fetch: (url, init) => {
        const named = { ...(init.headers as Record<string, string>), [LINE_HEADER]: line };
        return fetch(url, { ...init, headers: named });
      },
      ...call.options(world),
    });
    const library = createZitadel(call.forAnybody ? options : { ...options, audience });
    const told = await outcomeOf(() => call.ask(library, world));
    server.heal(line);
    // An endpoint that is not asked shows nothing.
    if (met === 0) throw new Error(`${call.name}: no call met the answer, ${told.as}`);
    return told;
  };
  let [cells, wrong, ownMistold] = [0, 0, 0];
  const told = new Map<string, number>();
  try {
    for (const [at, call] of CALLS.entries()) {
      for (const [of, answer] of PAGES.entries()) {
        if (short && (of + at) % SHORT_STEP > 0) continue;
        // The one answer that is ZITADEL's too: to somebody without any permission.
        if (call.isEmptyWell && answer.body === '{}') continue;
        const outcome = await put(call, answer);
        cells += 1;
        told.set(outcome.as, (told.get(outcome.as) ?? 0) + 1);
        if (isOutage(outcome)) continue;
        wrong += 1;
        progress(
          `wrong: ${call.name}, ${answer.status} of ${answer.from}: ${outcome.as} ${outcome.remedy}`,
        );
      }
      progress(`${call.name}: ${cells} cells, ${wrong} wrong`);
    }
    for (const { call, answer, as } of OWN_WORDS) {
      const outcome = await put(call, answer);
      if (outcome.as === as) continue;
      ownMistold += 1;
      progress(`ZITADEL’s own word is mistold: ${call.name}, ${answer.from}: ${outcome.as}`);
    }
    return {
      ok: wrong === 0 && ownMistold === 0 && (short || cells >= CALLS.length * 20),
      cells,
      wrong,
      answers: PAGES.length,
      endpoints: CALLS.length,
      ownMistold,
      told: Object.fromEntries(told),
    };
  } finally {
    await server.stop();
    await world.zitadel.stop();
  }
}

/** An outage with a remedy that says who answers; or a fault of ours, if what is to be done about it says so too. */
function isOutage({ as, remedy }: Told): boolean {
  return (OUTAGES.has(as) || OURS.has(as)) && /proxy/.test(remedy);
}

async function outcomeOf(ask: () => ReturnType<Asked['ask']>): Promise<Told> {
  try {
    const outcome = await ask();
    if (outcome === undefined) return { as: 'done', remedy: '' };
    const { allowed } = outcome;
    return allowed
      ? { as: 'allowed', remedy: '' }
      : { as: outcome.reason, remedy: outcome.remedy ?? '' };
  } catch (error) {
    if (error instanceof ZitadelError) return { as: error.code, remedy: error.message };
    return { as: `threw ${String(error)}`, remedy: '' };
  }
}
