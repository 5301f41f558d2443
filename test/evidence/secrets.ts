import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ZitadelOptions } from 'nestjs-zitadel/express';
import { openExpress, openNest, ROUTES } from './proof-doors.js';
import { makeMistakes } from './secret-mistakes.js';
import {
  createSecretWorld,
  faultsOn,
  optionsFor,
  playScene,
  TELLTALES,
  WAYS,
  type SecretWorld,
  type Trouble,
} from './secret-scenes.js';
import { SecretWatch, type WatchReport } from './secret-watch.js';

export const about =
  'no secret shows in what the library logs, throws, answers, stores or is printed as';

const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));

const CONFIG = join('test', 'setup', 'watched.config.ts');

/** Specs in which most of the library's secrets are at work. */
const FEW_SPECS = [
  'test/zitadel/credentials.spec.ts',
  'test/zitadel/service-user.spec.ts',
  'test/zitadel/callers/userinfo.spec.ts',
];

/** What a watched spec file came to. */
export interface WatchedFile extends WatchReport {
  readonly file: string;
  /** What was leaked on purpose, in every way in which output is watched, was found. */
  readonly bites: boolean;
}

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress(text: string): void;
}): Promise<Record<string, unknown> & { ok: boolean }> {
  const missed = plantedLeaksMissed();
  progress(`leaks that were planted and not found: ${missed}`);

  const direct = await watchDirectly(short, progress);
  tell(progress, 'directly', direct);

  const files = await watchSpecs(short, progress);
  for (const file of files) tell(progress, file.file, file);
  const toothless = files.filter(({ bites }) => !bites).length;

  const all: readonly WatchReport[] = [direct, ...files];
  const sum = (of: (report: WatchReport) => number) =>
    all.reduce((total, report) => total + of(report), 0);
  const hits = sum(({ leaks }) => leaks.length);
  return {
    ok:
      hits === 0 &&
      missed === 0 &&
      toothless === 0 &&
      direct.lines > 0 &&
      files.length >= (short ? FEW_SPECS.length : 50) &&
      // Specs need not write, and not all of them can be silent.
      files.some(({ lines }) => lines > 0) &&
      files.some(({ secrets }) => secrets > 0),
    lines: sum(({ lines }) => lines),
    hits,
    secrets: sum(({ secrets }) => secrets),
    files: files.length,
    missed,
    toothless,
  };
}

function tell(
  progress: (text: string) => void,
  what: string,
  { lines, secrets, leaks }: WatchReport,
): void {
  if (leaks.length === 0) return;
  progress(`${what}: ${leaks.length} leaks of ${secrets} secrets in ${lines} lines`);
  const told = new Set(leaks.map(({ secret, where, form }) => `  ${secret}, ${form}: ${where}`));
  for (const text of [...told].slice(0, 20)) progress(text);
}

/** Writes secrets down in every way, whole and cut, and counts those that are not found. */
function plantedLeaksMissed(): number {
  const random = (length: number) =>
    Buffer.from(Array.from({ length }, () => Math.floor(Math.random() * 256))).toString(
      'base64url',
    );
  const token = `${random(60)}.${random(300)}.${random(256)}`;
  const short = random(24);
  const body = random(900);
  const pem = `-----BEGIN RSA PRIVATE KEY-----\n${body.replaceAll(/.{64}/g, '$&\n')}\n-----END RSA PRIVATE KEY-----\n`;
  const middle = Math.floor(token.length / 2);
  const planted = [
    token,
    token.slice(middle, middle + 24),
    token.slice(-24),
    `a word before it ${Buffer.from(`Bearer ${token}`).toString('base64')}`,
    Buffer.from(`x ${token}`).toString('base64url'),
    Buffer.from(token).toString('hex'),
    encodeURIComponent(`Bearer ${token}`),
    JSON.stringify({ message: [token] }),
    `<Buffer ${[...Buffer.from(token.slice(middle, middle + 50))].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}>`,
    short,
    Buffer.from(`svc:${short}`).toString('base64'),
    Buffer.from(short).toString('hex').toUpperCase(),
    pem,
    JSON.stringify({ key: pem }),
    pem.split('\n')[5] ?? '',
    new Error(token).stack ?? '',
  ];
  const missed = planted.filter((text) => {
    const watch = new SecretWatch();
    watch.register(token, 'token');
    watch.register(short, 'short');
    watch.register(pem, 'key');
    watch.note('planted', `some text ${text} more text`);
    return watch.report().leaks.length === 0;
  });
  // What is no secret must not be taken for one.
  const innocent = new SecretWatch();
  innocent.register(token, 'token');
  innocent.note('innocent', `${token.split('.')[0] ?? ''}. ${random(600)} ${about}`);
  return missed.length + innocent.report().leaks.length;
}

/** Uses the library in every way under every trouble, with everything it shows, answers, throws, writes and stores looked through. */
async function watchDirectly(
  short: boolean,
  progress: (text: string) => void,
): Promise<WatchReport> {
  const watch = new SecretWatch();
  const world = await createSecretWorld(watch);
  const reports: WatchReport[] = [];
  // Looked through and forgotten scene by scene: all of it at once would be a great deal of text.
  const close = () => {
    reports.push(watch.report());
    watch.forgetTexts();
  };
  try {
    // The short form takes turns, as far as one way is like another.
    for (const way of WAYS.filter((_, number) => !short || number % 2 === 0)) {
      const troubles: readonly Trouble[] = [
        { text: 'no trouble' },
        ...(short ? TELLTALES.slice(-1) : TELLTALES),
        ...way.endpoints
          .filter((_, number) => !short || number % 4 === 0)
          .flatMap((endpoint) => faultsOn(endpoint, short)),
      ];
      for (const trouble of troubles) {
        await playScene(watch, world, way, trouble);
        close();
      }
      if (!short || way === WAYS[0]) {
        const { cache: _shared, ...options } = optionsFor(world, way);
        await knockAtDoors(watch, world, options);
        close();
      }
      progress(`${way.text}: ${troubles.length} scenes`);
    }
    const mistakes = makeMistakes(watch, world);
    close();
    progress(`${mistakes} mistakes`);
    watch.noteValue('what the emulator keeps', [
      world.zitadel.requestLog(),
      world.zitadel.grants(),
    ]);
    close();
  } finally {
    await world.close();
  }
  return {
    lines: reports.reduce((total, { lines }) => total + lines, 0),
    secrets: Math.max(...reports.map(({ secrets }) => secrets)),
    leaks: reports.flatMap(({ leaks }) => leaks),
  };
}

/** Real requests to both doors, refused and let through; and what the application holds of the library. */
async function knockAtDoors(
  watch: SecretWatch,
  { acme, tokens, service }: SecretWorld,
  options: ZitadelOptions,
): Promise<void> {
  const logger = {
    debug: (message: string) => watch.note('door, log', message),
    log: (message: string) => watch.note('door, log', message),
    warn: (message: string) => watch.note('door, log', message),
    error: (message: string) => watch.note('door, log', message),
  };
  for (const open of [openExpress, openNest]) {
    const door = await open({ ...options, logger });
    try {
      for (const token of [...Object.values(tokens), service.pat, `${tokens.jwt}x`]) {
        for (const pathOf of Object.values(ROUTES)) {
          watch.noteValue(`${door.name}, answer`, await door.ask(pathOf(acme), token));
        }
      }
      for (const inside of door.inside) watch.noteValue(`${door.name}, inside`, inside);
    } finally {
      await door.close();
    }
  }
}

/** Runs the specs with their output watched. */
async function watchSpecs(
  short: boolean,
  progress: (text: string) => void,
): Promise<readonly WatchedFile[]> {
  const folder = mkdtempSync(join(tmpdir(), 'watched-'));
  try {
    const what = short ? FEW_SPECS : ['--exclude', 'test/evidence/**'];
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const env = Object.fromEntries(
      // A run of its own, also where this is one already.
      Object.entries(process.env).filter(([name]) => !/^(?:VITEST|NODE_OPTIONS|TEST$)/.test(name)),
    );
    const child = spawn(
      process.execPath,
      [vitest, 'run', '--config', CONFIG, ...what, '--reporter=dot'],
      {
        cwd: root,
        env: { ...env, WATCH_SECRETS: folder },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    const files = readdirSync(folder).map(
      (name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as WatchedFile,
    );
    progress(`${files.length} spec files watched, vitest ended with ${String(code)}`);
    if (files.length === 0) progress(output.slice(-2_000));
    return files;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
