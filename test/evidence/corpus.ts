import { DOORS } from '../corpus/doors/all.js';
import { runModes } from '../corpus/modes.js';
import { runCorpus } from '../corpus/run.js';
import type { Figures, RunOptions } from './proof.js';

export const about = 'one corpus of cases, through every door and with every way to remember';

const LEAST = 300;
const IN_MODES = 100;

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const whole = DOORS.filter(({ name }) => !short || name === 'function' || name === 'Express 5');
  const sampled = DOORS.filter((door) => !whole.includes(door));
  const corpus = await runCorpus(whole, sampled);
  progress(`${corpus.cases} cases, ${corpus.everywhere} of them through every door`);
  const modes = await runModes(IN_MODES);
  progress(
    `${modes.cases} cases in ${modes.modes} modes, ${modes.fromShared} from the shared cache`,
  );
  const differences = [...corpus.differences, ...modes.differences];
  for (const { door, file, says, expected, heard } of differences) {
    progress(`${door}: ${file}: ${says}: expected ${expected}, heard ${heard}`);
  }
  const isWhole = short || corpus.results >= LEAST * DOORS.length;
  return {
    ok:
      differences.length === 0 &&
      isWhole &&
      corpus.everywhere >= LEAST &&
      modes.cases === IN_MODES &&
      modes.fromShared > 0,
    cases: corpus.cases,
    casesThroughEveryDoor: corpus.everywhere,
    doors: DOORS.length,
    modes: modes.modes,
    results: corpus.results + modes.results,
    differences: differences.length,
  };
}
