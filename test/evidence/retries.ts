import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { loseAnswers } from './ambiguous.js';
import { FaultServer } from './fault-server.js';
import { prepare, MODES, OUTAGES, type Load } from './outage.js';
import type { Figures } from './proof.js';

export const about =
  'a thousand lost answers of a create: none done twice; an outage under load: no storm of calls';

/** Users enough for the breaker to see that it is not about one of them; and one alone, about whom it may well be. */
const CROWD = 6;
const AT_MOST = 1.1;
/** Of the requests of a comparison. */
const MOST_DISTURBED = 0.05;

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress: (text: string) => void;
}): Promise<Figures> {
  const zitadel = await ZitadelEmulator.start();
  const server = await FaultServer.start(zitadel.url);
  try {
    const forMs = short ? 5_000 : 60_000;
    const loads = Object.keys(OUTAGES).flatMap((outage) =>
      MODES.flatMap((mode) =>
        [CROWD, 1].map((users): Load => ({
          mode,
          outage: outage as Load['outage'],
          users,
          forMs,
          ttlMs: forMs / 12,
          everyMs: short ? 20 : 50,
        })),
      ),
    );
    const some = short ? loads.filter((_, at) => at % 5 === 0) : loads;
    const prepared = await Promise.all(
      some.map(async (load) => [load, await prepare(zitadel, server, load)] as const),
    );
    const compared = await Promise.all(
      prepared.map(async ([load, putOn]) => {
        const figures = await putOn();
        progress(
          `${load.outage}, ${load.mode}, ${load.users} users: ${figures.healthyCalls} calls, in the outage ${figures.outageCalls}, ratio ${figures.ratio.toFixed(2)}, ${figures.wrong} wrong, ${figures.disturbed} disturbed`,
        );
        return figures;
      }),
    );
    const outageCallRatio = Math.max(...compared.map(({ ratio }) => ratio));
    const sum = (of: 'requests' | 'wrong' | 'disturbed') =>
      compared.reduce((before, each) => before + each[of], 0);
    const wrong = sum('wrong');
    const lost = await loseAnswers(zitadel, server, short ? 60 : 1_000, progress);
    return {
      ok:
        lost.ambiguous >= (short ? 60 : 1_000) &&
        lost.duplicates === 0 &&
        lost.wrong === 0 &&
        wrong === 0 &&
        sum('disturbed') <= sum('requests') * MOST_DISTURBED &&
        outageCallRatio <= AT_MOST,
      ambiguous: lost.ambiguous,
      duplicates: lost.duplicates,
      outageCallRatio: Number(outageCallRatio.toFixed(3)),
      loads: compared.length,
      requests: sum('requests'),
      wrong: wrong + lost.wrong,
      disturbed: sum('disturbed'),
    };
  } finally {
    await server.stop();
    await zitadel.stop();
  }
}
