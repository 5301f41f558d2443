import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';

const START = fileURLToPath(new URL('../sample-app/start.mjs', import.meta.url));

/** Stands in for Nest's command line, which takes a minute: what comes out of it is the same each time. */
const NEST = `
const { mkdirSync, writeFileSync } = require('node:fs');
const out = process.argv[3] === undefined ? 'dist' : '.build/sample-app';
mkdirSync(out, { recursive: true });
writeFileSync(out + '/main.js', 'console.log("up");');
`;

/** A clone with little in it, and how to start its sample app: it answers how often something was built. */
async function clone() {
  const root = await mkdtemp(join(tmpdir(), 'start-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const write = async (file: string, text: string) => {
    await mkdir(join(root, file, '..'), { recursive: true });
    await writeFile(join(root, file), text);
  };
  await write('node_modules/@nestjs/cli/bin/nest.js', NEST);
  for (const file of ['nest-cli', 'package-lock', 'tsconfig', 'tsconfig.build']) {
    await write(`${file}.json`, '{}');
  }
  for (const file of ['lib/core/a.ts', 'sample-app/main.ts', 'sample-app/public/app.js']) {
    await write(file, '// first');
  }
  await cp(START, join(root, 'sample-app', 'start.mjs'));
  const start = async (): Promise<number> => {
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['sample-app/start.mjs'], { cwd: root });
    expect(stdout).toMatch(/up\n$/);
    const builds = stdout.match(/^Building /gm)?.length ?? 0;
    expect(stdout.includes('Nothing has changed since the last build.')).toBe(builds === 0);
    return builds;
  };
  return { write, start, remove: (folder: string) => rm(join(root, folder), { recursive: true }) };
}

describe('npm start', () => {
  it('builds what has changed, and nothing where nothing has', async () => {
    const { write, start, remove } = await clone();
    expect(await start()).toBe(2);
    expect(await start()).toBe(0);
    for (const file of ['lib/core/a.ts', 'sample-app/main.ts', 'package-lock.json']) {
      await write(file, '{"second":true}');
      expect([file, await start(), await start()]).toEqual([file, 2, 0]);
    }
    // Another command has built something else, or has taken a build away.
    await write('dist/main.js', 'console.log("other");');
    expect(await start()).toBe(2);
    await remove('.build');
    expect([await start(), await start()]).toEqual([2, 0]);
    // The page is served as it is.
    await write('sample-app/public/app.js', '// second');
    expect(await start()).toBe(0);
  });
});
