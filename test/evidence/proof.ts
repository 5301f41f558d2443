import { readdir } from 'node:fs/promises';

/** What a proof finds: whether the promise held, and its figures. */
export type Figures = Record<string, unknown> & { ok: boolean };

/** A file of this folder that exports `about` and `run`; it is called by its file name. */
export interface Proof {
  readonly name: string;
  /** One line for the list. */
  readonly about: string;
  /**
   * Puts the promise to the test.
   * @param options.short a form of a few seconds, for the daily check
   * @param options.progress tells the person who waits
   */
  run(options: { short: boolean; progress: (text: string) => void }): Promise<Figures>;
}

/** Every proof in a folder of modules (sources or compiled), by name. */
export async function proofs(folder: URL): Promise<readonly Proof[]> {
  const found: Proof[] = [];
  for (const file of (await readdir(folder)).sort()) {
    // The runner itself would run when it is loaded.
    if (!/^[a-z0-9-]+\.[jt]s$/.test(file) || file.startsWith('run.')) continue;
    const module = (await import(new URL(file, folder).href)) as Partial<Proof>;
    if (typeof module.about === 'string' && typeof module.run === 'function') {
      found.push({ name: file.slice(0, -3), about: module.about, run: module.run });
    }
  }
  return found;
}
