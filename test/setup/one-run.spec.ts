import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';

const script = new URL('one-run.mjs', import.meta.url).href;
const folder = await mkdtemp(join(tmpdir(), 'one-run-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const cloneOf = () => mkdtemp(join(folder, 'clone-'));

/** Begins a run in a clone, as a command of its own or as one that another run started. */
function begin(
  clone: string,
  rest: string,
  call = `runAlone('npm test', ${JSON.stringify(clone)})`,
): ChildProcessByStdio<null, Readable, Readable> {
  const env = { ...process.env };
  delete env['NESTJS_ZITADEL_RUN'];
  const source = `import { refuseBesideAnother, runAlone } from ${JSON.stringify(script)}; ${call}; console.log('begun'); ${rest}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function endOf(child: ChildProcessByStdio<null, Readable, Readable>) {
  let said = '';
  child.stdout.on('data', (text) => (said += String(text)));
  child.stderr.on('data', (text) => (said += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

const LASTS = 'setInterval(() => {}, 1_000);';

describe('a run of the check', () => {
  it('refuses beside another one in the same clone, in one sentence', async () => {
    const clone = await cloneOf();
    const first = begin(clone, LASTS);
    await once(first.stdout, 'data');
    const sentence = `\`npm test\` is running in this clone (process ${first.pid}): let it end, or use another clone.\n`;
    expect(await endOf(begin(clone, ''))).toEqual({ code: 1, said: sentence });
    const build = `refuseBesideAnother(${JSON.stringify(clone)})`;
    expect(await endOf(begin(clone, '', build))).toEqual({ code: 1, said: sentence });
  });

  it('does not mind one in another clone', async () => {
    const first = begin(await cloneOf(), LASTS);
    await once(first.stdout, 'data');
    expect(await endOf(begin(await cloneOf(), ''))).toEqual({ code: 0, said: 'begun\n' });
  });

  it('may start parts of itself', async () => {
    const clone = await cloneOf();
    const part = `import { runAlone } from ${JSON.stringify(script)}; runAlone('npm run evidence', ${JSON.stringify(clone)}); console.log('a part')`;
    const rest = `import { spawnSync } from 'node:child_process'; spawnSync(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(part)}], { stdio: 'inherit' });`;
    expect(await endOf(begin(clone, rest))).toEqual({ code: 0, said: 'begun\na part\n' });
  });

  it.each(['SIGKILL', undefined] as const)('makes room when it has ended (%s)', async (signal) => {
    const clone = await cloneOf();
    const first = begin(clone, signal ? LASTS : '');
    await once(first.stdout, 'data');
    if (signal) first.kill(signal);
    await once(first, 'close');
    expect(await endOf(begin(clone, ''))).toEqual({ code: 0, said: 'begun\n' });
  });

  it.each([
    ['half of a lock', '{"pid":"1'],
    ['nothing', ''],
    ['a lock without a process', '{}'],
    ['the lock of a process that is gone', '{"pid":"4194305","born":"1","what":"npm test"}'],
  ])('is not kept from running by %s', async (_, left) => {
    const clone = await cloneOf();
    await writeFile(join(clone, 'run.lock'), left);
    expect(await endOf(begin(clone, ''))).toEqual({ code: 0, said: 'begun\n' });
  });

  it.runIf(process.platform === 'linux')(
    'is not kept from running by somebody who got the number of a process that is gone',
    async () => {
      const clone = await cloneOf();
      const lock = { pid: String(process.pid), born: '1', what: 'npm test' };
      await writeFile(join(clone, 'run.lock'), JSON.stringify(lock));
      expect(await endOf(begin(clone, ''))).toEqual({ code: 0, said: 'begun\n' });
    },
  );

  it('is one of many that begin at the same moment', async () => {
    const clone = await cloneOf();
    const ends = Array.from({ length: 4 }, () => begin(clone, LASTS)).map(async (child) => {
      const [first] = (await Promise.race([
        once(child.stdout, 'data'),
        once(child.stderr, 'data'),
      ])) as [Buffer];
      return first.toString();
    });
    const said = await Promise.all(ends);
    expect(said.filter((text) => text === 'begun\n')).toHaveLength(1);
  });
});
