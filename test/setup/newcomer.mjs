// Fresh applications of Nest, as `nest new` makes them, and docs/first-steps.md followed to the letter in them, for the proof `newcomer`. Every
// check answers with what is wrong, an empty text for nothing.
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { npm } from './consumer.mjs';
import { root, run, tool } from './run.mjs';

/** The versions of the Nest CLI whose applications are tried out. */
export const CLI = { 11: '11.0.24', 12: '12.0.8' };

/** What an application that `nest new` 12 made needs for its build and its tests. */
const NEEDED = ['@nestjs/testing', '@types/node', 'typescript', 'vite-tsconfig-paths', 'vitest'];

/** What the page has the reader do, in this order, and what it says about that. */
export function stepsOfPage() {
  const page = readFileSync(join(root, 'docs', 'first-steps.md'), 'utf8');
  const blocks = [...page.matchAll(/(?:`([\w./]+)`:\n\n)?^```(sh|diff)\n([^]*?)^```/gm)];
  const steps = blocks.flatMap(([, file, language, text]) =>
    language === 'diff'
      ? [{ file, ...editOf(text) }]
      : text
          .trim()
          .split('\n')
          .map((command) => ({ command })),
  );
  const [, commands, lines] = /: (\d+) commands and (\d+) lines\./.exec(page) ?? [];
  return {
    steps,
    commands: steps.filter(({ command }) => command !== undefined).length,
    lines: steps.reduce((sum, { added = 0 }) => sum + added, 0),
    said: { commands: Number(commands), lines: Number(lines) },
  };
}

function editOf(diff) {
  const lines = diff.trimEnd().split('\n');
  const without = (sign) =>
    lines
      .filter((line) => !line.startsWith(sign))
      .map((line) => line.slice(1))
      .join('\n');
  const added = lines.filter((line) => /^\+\s*\S/.test(line)).length;
  return { before: without('+'), after: without('-'), added };
}

/**
 * Makes an application. `isWhole`: by the Nest CLI of that version, with all that it installs. Else by the one of this repository, and
 * only what the steps need is installed.
 */
export async function freshApplication(folder, tarball, major, isWhole) {
  const name = `nest-${major}-application`;
  const home = join(folder, name);
  await mkdir(folder, { recursive: true });
  const args = ['new', name, '--skip-install', '--skip-git', '--package-manager', 'npm'];
  const made = isWhole
    ? await npm(
        folder,
        'exec',
        '--yes',
        '--package',
        `@nestjs/cli@${CLI[major]}`,
        '--',
        'nest',
        ...args,
      )
    : await run(tool('nest'), args, { cwd: folder });
  if (!made.ok) return { home, wrong: made.output };
  const path = join(home, 'package.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  manifest.dependencies['nestjs-zitadel'] = `file:${tarball}`;
  if (!isWhole) {
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    manifest.devDependencies = Object.fromEntries(
      NEEDED.map((each) => [each, devDependencies[each] ?? manifest.devDependencies[each]]),
    );
  }
  await writeFile(path, JSON.stringify(manifest, null, 2));
  const installed = await npm(home, 'install', '--ignore-scripts', '--prefer-offline');
  const nest = (...words) =>
    isWhole
      ? npm(home, 'exec', '--offline', '--', 'nest', ...words)
      : run(tool('nest'), words, { cwd: home });
  return { home, nest, wrong: installed.ok ? '' : installed.output };
}

/** `nest add`, twice: then the application builds, its tests pass, and the second time changes nothing. */
export async function tryNestAdd({ home, nest }) {
  const add = () => nest('add', 'nestjs-zitadel', '--skip-install');
  const first = await add();
  if (!first.ok || !/zitadel\.spec\.ts/.test(first.output) || /NOT DONE/.test(first.output)) {
    return `nest add:\n${first.output}`;
  }
  const again = await add();
  if (!again.ok || !again.output.includes('Nothing to be done')) {
    return `nest add, again:\n${again.output}`;
  }
  const built = await nest('build');
  if (!built.ok) return `nest build:\n${built.output}`;
  const { ok, output } = await runTests(home);
  return ok ? '' : `npm test:\n${output}`;
}

/** On a busy machine a test takes longer than 5 s. */
const runTests = (home) => npm(home, 'test', '--', '--testTimeout=120000');

/** The steps of the page. The tarball stands for the release, and is installed. */
export async function followFirstSteps({ home, nest }) {
  for (const { command, file, before, after } of stepsOfPage().steps) {
    if (command === undefined) {
      const text = await readFile(join(home, file), 'utf8');
      if (!text.includes(before)) return `${file} has not the lines that the page shows:\n${text}`;
      await writeFile(
        join(home, file),
        text.replace(before, () => after),
      );
      continue;
    }
    if (command !== 'npm test' && !command.startsWith('npx nest ')) return `${command}: unknown`;
    const words = command.split(' ');
    const { ok, output } = command.startsWith('npx nest ')
      ? await nest(...words.slice(2), '--skip-install')
      : await runTests(home);
    if (!ok) return `${command}:\n${output}`;
  }
  const { ok, output } = await nest('build');
  return ok ? '' : `nest build:\n${output}`;
}
