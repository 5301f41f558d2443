import { coverage, mistakes, replayAll } from '../captures/account.js';
import { LEFT_OUT } from '../captures/left-out.js';

export const about = 'what a ZITADEL answered when it was recorded, asked of the emulator again';

export async function run({
  progress,
}: {
  progress(text: string): void;
}): Promise<Record<string, unknown> & { ok: boolean }> {
  const { replayed, different, wrong } = await replayAll();
  for (const text of [...wrong, ...mistakes()]) progress(text);
  for (const { chapter, entry, name, reason } of LEFT_OUT) {
    progress(`left out: ${chapter} ${String(entry)}, ${name}: ${reason}`);
  }
  progress(coverage(replayed));
  return {
    // A verb that fails makes no entry different, but the world is another one from then on.
    ok: replayed.size > 0 && wrong.length === 0 && mistakes().length === 0,
    replayed: replayed.size,
    different: different.size,
    leftOut: LEFT_OUT.length,
  };
}
