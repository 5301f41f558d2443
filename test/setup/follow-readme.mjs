// Part of the package check: the README's own steps, in an empty folder.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { TYPESCRIPTS } from './consumer.mjs';
import { root, run } from './run.mjs';

/** A paragraph that begins with the name of a file, and the block below it. */
const FILE = /^`([\w./]+)`(?:.+\n)*?.*[:.]\n\n```\w+\n([^]*?)^```/gm;
const COMMANDS = /^```sh\n([^]*?)^```/gm;

const [forNest, forExpress] = readFileSync(join(root, 'README.md'), 'utf8').split(
  '## ... and in Express',
);

/**
 * Writes the files that the README shows before it comes to Express, and runs its commands in their order. The tarball
 * stands for the release, TypeScript is the newest, and all else has the versions of this repository. What needs a ZITADEL is left out. Answers with
 * what is wrong, an empty text for nothing.
 */
export async function followReadme(home, tarball, npm) {
  await mkdir(join(home, 'src'), { recursive: true });
  const names = [];
  for (const [, name, text] of forNest.matchAll(FILE)) {
    names.push(name);
    await writeFile(join(home, name), text);
  }
  const lines = [...forNest.matchAll(COMMANDS)].flatMap(([, block]) => block.trim().split('\n'));
  const commands = lines.filter((line) => /^np[mx] /.test(line));
  const wanted = 'tsconfig.json src/app.module.ts src/app.spec.ts src/main.ts';
  if (names.join(' ') !== wanted) return `it shows other files than ${wanted}: ${names.join(' ')}`;
  for (const tool of ['npx vitest run src/app.spec.ts', 'npx tsc', 'node dist/main.js']) {
    if (!lines.includes(tool)) return `it does not say ${tool}`;
  }

  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const versions = {
    ...devDependencies,
    typescript: TYPESCRIPTS[7],
    'nestjs-zitadel': `file:${tarball}`,
  };
  const versioned = (word) => (Object.hasOwn(versions, word) ? `${word}@${versions[word]}` : word);
  for (const command of commands) {
    const [name, ...words] = command.split(' ');
    // npx is npm exec, and versions are for what is installed. On a busy machine a test takes longer than 5 s.
    const patient = words[0] === 'vitest' ? [...words, '--testTimeout=120000'] : words;
    const args = name === 'npx' ? ['exec', '--', ...patient] : words.map(versioned);
    const { ok, output } = await npm(home, '--prefer-offline', ...args);
    if (!ok) return `${command}:\n${output}`;
  }
  return tryProgram(home, 'dist/main.js', '/orgs/1/things');
}

/** The same of what it shows for Express, in a folder where that is installed. */
export async function followExpress(home) {
  const [[, name, text], ...more] = forExpress.matchAll(FILE);
  if (name !== 'app.mjs' || more.length > 0) return `it shows another file than app.mjs: ${name}`;
  await writeFile(join(home, name), text);
  return tryProgram(home, name, '/orgs/1');
}

/** Nobody has filled in the project id, so the program says that and ends. Filled in, it starts, and asks for a token. */
async function tryProgram(home, file, path) {
  const start = [process.execPath, [file]];
  const unfilled = await run(...start, { cwd: home });
  if (unfilled.ok || !unfilled.output.includes('this is a placeholder of the documentation')) {
    return `${file} with its placeholder:\n${unfilled.output}`;
  }
  const port = await freePort();
  const text = await readFile(join(home, file), 'utf8');
  const filled = text.replace('<project id>', '1').replace('listen(3000)', `listen(${port})`);
  await writeFile(join(home, file), filled);
  const program = spawn(...start, { cwd: home, stdio: 'ignore' });
  try {
    for (;;) {
      const reply = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
      if (reply) return reply.status === 401 ? '' : `${file} without a token: ${reply.status}`;
      if (program.exitCode !== null) return `${file}, filled in, ended with ${program.exitCode}`;
      await setTimeout(100);
    }
  } finally {
    program.kill();
  }
}

async function freePort() {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
