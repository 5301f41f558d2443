import {
  chmod,
  mkdir,
  open,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ZitadelError } from '../../core/errors.js';
import { jsonFrom } from '../../core/own-properties.js';
import { isRecord, textOf } from '../../zitadel/reading.js';

/** Only the owner may read it. */
const PRIVATE = 0o600;

/** The text of a file. Undefined if there is none. @throws ZitadelError if it cannot be read */
export function readText(path: string): Promise<string | undefined> {
  return onDisk(path, async () => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  });
}

/** Replaces a file in one go, so that nobody ever sees half of it. A link to it stays a link. */
export function writePrivate(path: string, text: string): Promise<void> {
  return onDisk(path, async () => {
    const target = await realpath(path).catch(() => path);
    const fresh = `${target}.${process.pid}.new`;
    try {
      await writeFile(fresh, text, { mode: PRIVATE });
      await chmod(fresh, PRIVATE);
      await rename(fresh, target);
    } catch (error) {
      await rm(fresh, { force: true });
      throw error;
    }
  });
}

/** Makes room for a key file before there is a key: a key that cannot be written down would be lost. Returns what writes it. */
export async function reserve(path: string): Promise<{
  readonly fill: (text: string) => Promise<void>;
  readonly giveUp: () => Promise<void>;
}> {
  const folder = dirname(path);
  const file = await onDisk(path, async () => {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    // Whoever keeps the folder in a repository does not keep the keys there.
    if (made !== undefined) await writeFile(join(folder, '.gitignore'), '*\n');
    // An empty one is left where a run was killed.
    if ((await readText(path))?.trim() === '') await rm(path);
    const handle = await open(path, 'wx', PRIVATE);
    await handle.chmod(PRIVATE);
    return handle;
  });
  return {
    fill: (text) =>
      onDisk(path, async () => {
        await file.writeFile(text);
        await file.sync();
        await file.close();
      }),
    giveUp: async () => {
      await file.close();
      await removeKeyFile(path);
    },
  };
}

/** Removes a key file, and its folder if nothing else is in it. */
export function removeKeyFile(path: string): Promise<void> {
  return onDisk(path, async () => {
    await rm(path, { force: true });
    const ignored = join(dirname(path), '.gitignore');
    const text = await readFile(ignored, 'utf8').catch(() => undefined);
    if (text !== '*\n') return;
    await unlink(ignored);
    // Other files may be in it.
    await rmdir(dirname(path)).catch(() => writeFile(ignored, text));
  });
}

export function removeFile(path: string): Promise<void> {
  return onDisk(path, () => rm(path, { force: true }));
}

/** Whose key a file holds. */
interface KeyFile {
  readonly keyId: string;
  /** The client id of an application, or the id of a user. */
  readonly ownerId: string;
}

/** Undefined if there is none, or an empty one. A file of another kind belongs to nobody. */
export async function readKeyFile(path: string): Promise<KeyFile | undefined> {
  const text = await readText(path);
  if (text === undefined || text.trim() === '') return undefined;
  let json: unknown;
  try {
    json = jsonFrom(text);
  } catch {
    // Whatever it is, it is no key.
  }
  const { keyId, clientId, userId } = isRecord(json) ? json : {};
  return { keyId: textOf(keyId), ownerId: textOf(clientId) || textOf(userId) };
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const why = codeOf(error) || 'unknown trouble';
    throw new ZitadelError(
      'argument_invalid',
      `${path}: cannot be read or written (${why}); see whose it is, and run the same command again`,
    );
  }
}

function codeOf(error: unknown): string {
  return isRecord(error) ? textOf(error['code']) : '';
}
