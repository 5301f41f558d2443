import type { Figures } from './proof.js';
import { setupAndRemove } from './setup-and-remove.js';

export const about = 'setup: a second run changes nothing, and --remove takes back all of it';

export async function run(): Promise<Figures> {
  const figures = await setupAndRemove();
  return { ok: true, ...figures };
}
