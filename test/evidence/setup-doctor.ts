import { brokenConfigurations } from './broken-configurations.js';
import type { Figures, RunOptions } from './proof.js';
import { setupAndRemove } from './setup-and-remove.js';

export const about =
  'setup and --remove leave nothing over; the doctor names what is broken, and nothing else';

export async function run({ progress }: RunOptions): Promise<Figures> {
  const figures = await setupAndRemove();
  const doctor = await brokenConfigurations(progress);
  return { ok: doctor.named === doctor.broken, ...figures, ...doctor };
}
