import { join } from 'node:path';
import type { Key, NewKey } from '../../zitadel/setup/service-users.js';
import type { Step } from '../steps.js';
import type { SetupAsked } from './asked.js';
import { readKeyFile, reserve } from './files.js';
import { inTheWay } from './look.js';

/** Where the key files are. */
export function paths({ secrets }: Pick<SetupAsked, 'secrets'>): {
  readonly application: string;
  readonly serviceUser: string;
} {
  return {
    application: join(secrets, 'api-key.json'),
    serviceUser: join(secrets, 'service-user.json'),
  };
}

interface Wanted {
  readonly whose: string;
  readonly path: string;
  /** Undefined: it is made before the key. `id` is how key files name it. */
  readonly owner: { readonly id: string; readonly keys: readonly Key[] } | undefined;
  readonly make: () => Promise<NewKey>;
  /** Notes that the key is made. */
  readonly note: (make: () => Promise<string>) => Promise<void>;
}

/** A key, unless the file has one that counts. Keys that are there already stay: other machines may use them. */
export async function keySteps({
  whose,
  path,
  owner,
  make,
  note,
}: Wanted): Promise<readonly Step[]> {
  const file = await readKeyFile(path);
  if (file && owner?.keys.some(({ id }) => id === file.keyId)) return [];
  if (file) {
    throw inTheWay(
      `${path} holds another key than one of ${whose}: move it away, or name another folder with --secrets`,
    );
  }
  const lost = owner && owner.keys.length > 0 ? `, since the file is not here (keys stay)` : '';
  const run = async () => {
    const { fill, giveUp } = await reserve(path);
    try {
      await note(async () => {
        const { id, file: text } = await make();
        await fill(text);
        return id;
      });
    } catch (error) {
      await giveUp();
      throw error;
    }
  };
  return [{ sign: '+', what: `a key of ${whose}, into ${path}${lost}`, run }];
}
