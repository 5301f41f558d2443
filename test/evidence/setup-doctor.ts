import { brokenConfigurations } from './broken-configurations.js';
import type { Figures, RunOptions } from './proof.js';

export const about =
  'the doctor names what is wrong with broken configurations, and only with those';

export async function run({ progress }: RunOptions): Promise<Figures> {
  const figures = await brokenConfigurations(progress);
  return { ok: figures.named === figures.broken, ...figures };
}
