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
import { parseEnv } from 'node:util';
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

/** The id of the key in a file. Undefined if there is no file, or an empty one. '' if it holds something else. */
export async function readKeyId(path: string): Promise<string | undefined> {
  const text = await readText(path);
  if (text === undefined || text.trim() === '') return undefined;
  try {
    const json = jsonFrom(text);
    return textOf(isRecord(json) && json['keyId']);
  } catch {
    return '';
  }
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

/** Variables of a `.env` file. */
export type Variables = Readonly<Record<string, string>>;

/** The value that a file gives a variable, as Node reads it. The last line counts. */
export function valueIn(text: string, name: string): string | undefined {
  return parseEnv(text)[name];
}

/** The text with these variables. All other lines stay as they are. */
export function merged(text: string, variables: Variables): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  for (const [name, value] of Object.entries(variables)) {
    const line = `${name}=${quoted(value)}`;
    const at = lines.findLastIndex((each) => nameOf(each) === name);
    if (at === -1) lines.push(line);
    else if (valueIn(lines[at] ?? '', name) !== value) {
      lines[at] = (lines[at] ?? '').startsWith('export ') ? `export ${line}` : line;
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The text without some of its lines. */
export function without(text: string, isMeant: (name: string, value: string) => boolean): string {
  return text
    .split('\n')
    .filter((line) => {
      const name = nameOf(line);
      return name === undefined || !isMeant(name, valueIn(line, name) ?? '');
    })
    .join('\n');
}

function nameOf(line: string): string | undefined {
  return /^\s*(?:export\s+)?(\w+)\s*=/.exec(line)?.[1];
}

/** Node takes what stands between quotes as it is. */
function quoted(value: string): string {
  if (/^[\w./:,@+-]*$/.test(value)) return value;
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}
