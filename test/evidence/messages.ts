import type { Figures, RunOptions } from './proof.js';
import { MISTAKES, type Mistake } from './messages-list.js';
import { openStage, type Stage } from './messages-stage.js';

export const about =
  'refusals and first mistakes: log or error says what came, what was expected and what to do';

/** What a text must say, in this order in the table. */
const PARTS = ['came', 'expected', 'to do'] as const;

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const stage = await openStage();
  try {
    let named = 0;
    for (const mistake of MISTAKES) {
      const texts = await textsOf(mistake, stage);
      const lacks = Object.entries(texts).flatMap(([door, text]) =>
        PARTS.filter((_, at) => !mistake.says[at]?.test(text)).map((part) => `${door}: ${part}`),
      );
      if (lacks.length === 0) named += 1;
      const doors = Object.keys(texts).join(', ');
      if (lacks.length > 0) {
        progress(`NOT NAMED (${lacks.join('; ')}): ${mistake.name}\n${JSON.stringify(texts)}`);
      } else if (!short) {
        progress(`${mistake.name} [${doors}]\n    ${Object.values(texts)[0] ?? ''}`);
      }
    }
    return {
      ok: named === MISTAKES.length && stage.unprefixed.length === 0,
      mistakes: MISTAKES.length,
      named,
    };
  } finally {
    await stage.close();
  }
}

/** What the log or the error says at each door. */
async function textsOf(
  { nest, express }: Mistake,
  stage: Stage,
): Promise<Readonly<Record<string, string>>> {
  return {
    ...(nest && { Nest: await nest(stage) }),
    ...(express && { Express: await express(stage) }),
  };
}
