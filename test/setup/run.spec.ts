import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

interface Ran {
  readonly ok: boolean;
  readonly code: number;
  readonly output: string;
  readonly hung: boolean;
}

const script = new URL('run.mjs', import.meta.url).href;
// Plain JavaScript, without types: it runs in a bare clone.
const { run } = (await import(script)) as {
  run(command: string, args: readonly string[], options?: object): Promise<Ran>;
};

const folder = await mkdtemp(join(tmpdir(), 'run-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(() => {
  // As on a terminal, not as a part of the check that runs this spec.
  vi.stubEnv('NESTJS_ZITADEL_IN_GROUP', undefined);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

const MINUTE = 60_000;
const node = (source: string, options: object = {}) =>
  run(process.execPath, ['-e', source], options);

/** Where a process calls: its connection shows how long it lives, and what it is told it prints. */
async function listen(): Promise<{ calls: string; called: Promise<Socket> }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const called = once(server, 'connection').then(([socket]: Socket[]) => {
    // Who is killed may reset its connections.
    socket?.on('error', () => undefined).resume();
    return socket as Socket;
  });
  const { port } = server.address() as AddressInfo;
  return { calls: `require('node:net').connect(${port}).pipe(process.stdout);`, called };
}

describe('a command of the check', () => {
  it('answers with its output and its exit code', async () => {
    expect(await node('console.log(1); console.error(2)')).toMatchObject({ ok: true, code: 0 });
    expect(await node('console.log("so"); process.exit(3)')).toMatchObject({
      ok: false,
      code: 3,
      output: 'so\n',
    });
  });

  it('that does not exist is a failure with a text', async () => {
    const { ok, output } = await run(join(folder, 'no-such-tool'), []);
    expect({ ok, output }).toEqual({ ok: false, output: expect.stringContaining('ENOENT') });
  });

  it('that says nothing for ten minutes is killed, and the answer says so', async () => {
    const { calls, called } = await listen();
    const running = node(`console.error('begun'); ${calls}`);
    const gone = once(await called, 'close');
    vi.advanceTimersByTime(10 * MINUTE);
    await gone;
    const { ok, hung, output } = await running;
    expect({ ok, hung }).toEqual({ ok: false, hung: true });
    expect(output).toMatch(/^begun\n.* was killed: no sign of life for 600 s\n$/);
  });

  it('that hangs is killed with all that it started', async () => {
    const { calls, called } = await listen();
    const child = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(calls)}])`;
    const running = node(`${child}; setInterval(() => {}, 1_000)`);
    const gone = once(await called, 'close');
    vi.advanceTimersByTime(10 * MINUTE);
    await gone;
    expect(await running).toMatchObject({ hung: true });
  });

  it('may take as long as it likes while it says something', async () => {
    const { calls, called } = await listen();
    const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    onTestFinished(() => said.mockRestore());
    const running = node(calls, { show: true });
    const socket = await called;
    for (let times = 1; times <= 6; times += 1) {
      vi.advanceTimersByTime(9 * MINUTE);
      socket.write('.');
      await expect.poll(() => said.mock.calls.length).toBe(times);
    }
    socket.end();
    expect(await running).toMatchObject({ ok: true, hung: false });
  });

  it('may be silent while its file grows', async () => {
    const { calls, called } = await listen();
    const grows = join(folder, 'grows');
    const running = node(calls, { grows });
    const socket = await called;
    for (let times = 1; times <= 6; times += 1) {
      vi.advanceTimersByTime(9 * MINUTE);
      await appendFile(grows, '.');
    }
    socket.end();
    expect(await running).toMatchObject({ ok: true, hung: false });
  });

  it('is waited for without end where nobody looks', async () => {
    const { calls, called } = await listen();
    const running = node(calls, { quietMs: 0 });
    const socket = await called;
    vi.advanceTimersByTime(1_000 * MINUTE);
    socket.end();
    expect(await running).toMatchObject({ ok: true });
  });

  it('ends with the script that started it', async () => {
    const { calls, called } = await listen();
    const source = `
      const { run } = await import(${JSON.stringify(script)});
      process.once('SIGTERM', () => process.exit(7));
      await run(process.execPath, ['-e', ${JSON.stringify(calls)}]);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', source]);
    onTestFinished(() => void parent.kill());
    const gone = once(await called, 'close');
    const ended = once(parent, 'exit');
    parent.kill('SIGTERM');
    await gone;
    expect(await ended).toEqual([7, null]);
  });
});
