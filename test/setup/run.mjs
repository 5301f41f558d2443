// What the scripts of this folder share: where the repository is, and how a command is run.
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The command line tool of a dev dependency. */
export const tool = (name) => join(tools, name);

const tools = join(root, 'node_modules', '.bin');
// Tools that look for one another do so on PATH; npm sets it, a plain `node` does not.
const path = `${tools}${delimiter}${process.env['PATH'] ?? ''}`;
const isWindows = process.platform === 'win32';
// Set in what is watched: whoever kills it kills all of it, so that nothing in it forms a group of its own.
const IN_GROUP = 'NESTJS_ZITADEL_IN_GROUP';

export const seconds = (sinceMs) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

/**
 * Runs a command to its end and answers `{ ok, code, output }`. With `show` the output goes to the
 * terminal and `output` stays empty; with `keys` the command reads the keyboard too.
 *
 * A command may take as long as it likes while it makes progress. One that hangs is killed with all that it
 * started, and the answer has `hung: true`: it wrote nothing for `quietMs` (default ten minutes, 0 to wait for
 * ever), and the file `grows`, if one is named, did not grow either. With `tidies` a signal does not end us before
 * the command has ended, which has something to take away first.
 */
export function run(command, args, options = {}) {
  const { cwd = root, env = {}, show = false, keys = false, tidies = false } = options;
  const { quietMs = 600_000, grows } = options;
  const isWatched = quietMs > 0;
  // What is shown and watched goes through our hands: tools then take the terminal for none.
  const colors = show && isWatched && process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  const out = show && !isWatched ? 'inherit' : 'pipe';
  // Who reads the keyboard must stay in our group.
  const ownGroup = isWatched && !isWindows && process.env[IN_GROUP] === undefined;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH: path, ...colors, ...(ownGroup && { [IN_GROUP]: '1' }), ...env },
      stdio: [keys ? 'inherit' : 'ignore', out, out],
      shell: isWindows,
      detached: ownGroup,
    });
    if (tidies) {
      // Ctrl-C reaches the command without us: a terminal sends it to everybody.
      process.on('SIGINT', () => undefined);
      for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    }
    const kill = () => killWith(child, ownGroup);
    let output = '';
    let quietFor = 0;
    let hung = false;
    for (const name of ['stdout', 'stderr']) {
      child[name]?.setEncoding('utf8').on('data', (text) => {
        quietFor = 0;
        if (show) process[name].write(text);
        else output += text;
      });
    }
    let size = sizeOf(grows);
    const tickMs = Math.min(quietMs / 10, 5_000);
    // Counted, not measured: while the machine sleeps nobody can make progress.
    const watchdog =
      isWatched &&
      setInterval(() => {
        const before = size;
        size = sizeOf(grows);
        quietFor = size === before ? quietFor + tickMs : 0;
        if (quietFor < quietMs) return;
        hung = true;
        kill();
      }, tickMs);
    if (isWatched) process.once('exit', kill);
    const end = (answer) => {
      clearInterval(watchdog);
      process.off('exit', kill);
      resolve(answer);
    };
    child.on('error', (error) =>
      end({ ok: false, code: 1, output: `${output}${error.message}\n` }),
    );
    child.on('close', (code, signal) => {
      const why = hung
        ? `${command} was killed: no sign of life for ${quietMs / 1000} s\n`
        : signal === null
          ? ''
          : `${command} was killed by ${signal}\n`;
      end({ ok: code === 0 && !hung, code: code ?? 1, output: output + why, hung });
    });
  });
}

function killWith(child, itsGroup) {
  if (child.pid === undefined) return;
  try {
    process.kill(itsGroup ? -child.pid : child.pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

function sizeOf(file) {
  if (file === undefined) return 0;
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
