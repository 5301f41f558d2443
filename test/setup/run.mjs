// What the scripts of this folder share: where the repository is, and how a command is run.
import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The command line tool of a dev dependency. */
export const tool = (name) => join(tools, name);

const tools = join(root, 'node_modules', '.bin');
// Tools that look for one another do so on PATH; npm sets it, a plain `node` does not.
const path = `${tools}${delimiter}${process.env['PATH'] ?? ''}`;

export const seconds = (sinceMs) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

/**
 * Runs a command to its end and answers `{ ok, code, output }`. With `show` the output goes straight to
 * the terminal and `output` stays empty; with `keys` the command reads the keyboard too. A command that
 * outlives `limitMs` (default ten minutes, 0 for no limit) is killed and counts as failed. With `tidies` a
 * signal does not end us before the command has ended, which has something to take away first.
 */
export function run(command, args, options = {}) {
  const {
    cwd = root,
    env = {},
    show = false,
    keys = false,
    tidies = false,
    limitMs = 600_000,
  } = options;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH: path, ...env },
      stdio: [keys ? 'inherit' : 'ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
      shell: process.platform === 'win32',
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
    if (tidies) {
      // Ctrl-C reaches the command without us: a terminal sends it to everybody.
      process.on('SIGINT', () => undefined);
      for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    }
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr?.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', (error) =>
      resolve({ ok: false, code: 1, output: `${output}${error.message}\n` }),
    );
    child.on('close', (code, signal) => {
      const why = signal === null ? '' : `killed by ${signal} (the limit is ${limitMs / 1000} s)\n`;
      resolve({ ok: code === 0, code: code ?? 1, output: output + why });
    });
  });
}
