// Part of the package check: the README's own steps, in an empty folder.
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NEWEST_TYPESCRIPT } from './consumer.mjs';
import { root } from './run.mjs';

/** A paragraph that begins with the name of a file, and the block below it. */
const FILE = /^`([\w./]+)`(?:.+\n)*?.*[:.]\n\n```\w+\n([^]*?)^```/gm;
const COMMANDS = /^```sh\n([^]*?)^```/gm;

/**
 * Writes the files that the README shows before it comes to Express, and runs its commands in their order. The tarball
 * stands for the release, TypeScript is the newest, and all else has the versions of this repository. What needs a ZITADEL is left out. Answers with
 * what is wrong, an empty text for nothing.
 */
export async function followReadme(home, tarball, npm) {
  await mkdir(join(home, 'src'), { recursive: true });
  const [readme] = readFileSync(join(root, 'README.md'), 'utf8').split('## ... and in Express');
  const names = [];
  for (const [, name, text] of readme.matchAll(FILE)) {
    names.push(name);
    await writeFile(join(home, name), text);
  }
  const commands = [...readme.matchAll(COMMANDS)]
    .flatMap(([, block]) => block.trim().split('\n'))
    .filter((line) => /^np[mx] /.test(line));
  const wanted = 'tsconfig.json src/app.module.ts src/app.spec.ts src/main.ts';
  if (names.join(' ') !== wanted) return `it shows other files than ${wanted}: ${names.join(' ')}`;
  for (const tool of ['npx vitest run src/app.spec.ts', 'npx tsc']) {
    if (!commands.includes(tool)) return `it does not say ${tool}`;
  }

  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const versions = {
    ...devDependencies,
    typescript: NEWEST_TYPESCRIPT,
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
  return '';
}
