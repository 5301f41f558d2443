import { describe, expect, it, onTestFinished } from 'vitest';
import { ZitadelModule, type ZitadelModuleOptions } from '../../lib/index.js';
import { startNest } from '../support/start.js';
import { useEmulator } from '../support/world.js';
import { json, scripted } from '../zitadel/scripted-server.js';

const done = () => Promise.resolve(undefined);

type Line = readonly [level: string, text: string];

/** Starts an application with these options, and hears what it logs about them. */
async function start(options: ZitadelModuleOptions) {
  const lines: Line[] = [];
  const write = (level: string) => (text: string) => {
    if (text.startsWith('boot check')) lines.push([level, text]);
  };
  const logger = {
    debug: write('debug'),
    log: write('log'),
    warn: write('warn'),
    error: write('error'),
  };
  const root = { imports: [ZitadelModule.forRoot({ ...options, logger })] };
  const running = await startNest('express', root);
  onTestFinished(() => running.close());
  return lines;
}

describe('boot: { check: true }', async () => {
  const zitadel = await useEmulator();
  const CHECK = { boot: { check: true, deadlineMs: 60_000 } };
  const broken = () => zitadel.options({ issuer: zitadel.url.replace('127.0.0.1', 'localhost') });

  it('logs one line if all is in order', async () => {
    const lines = await start({ ...zitadel.options(), ...CHECK });
    await expect.poll(() => lines).toHaveLength(1);
    expect(lines[0]).toEqual([
      'log',
      expect.stringMatching(/^boot check: \d things were looked at, all in order$/),
    ]);
  });

  it('logs what is wrong with what to do, and starts all the same', async () => {
    const lines = await start({ ...broken(), ...CHECK });
    await expect.poll(() => lines).toHaveLength(1);
    expect(lines[0]).toEqual([
      'error',
      expect.stringMatching(
        /serves no instance under .*\(issuer\.no-instance\); every request .*; write the external origin/,
      ),
    ]);
  });

  it('logs that Redis gives no second connection, and starts all the same', async () => {
    let [given, isSet] = [0, false];
    const link = { on: () => link, connect: done, subscribe: done, ping: done, destroy() {} };
    const redis = {
      duplicate: () => {
        given += 1;
        if (given > 1) throw new Error('ERR max number of clients reached');
        return link;
      },
      publish: done,
      sendCommand: ([command]: readonly string[]) => {
        if (command !== 'SET') return Promise.resolve(1);
        isSet = !isSet;
        return Promise.resolve(isSet ? 'OK' : null);
      },
    };
    const lines = await start({ ...zitadel.options(), redis, ...CHECK });
    await expect.poll(() => lines).toHaveLength(1);
    expect(lines[0]).toEqual([
      'warn',
      expect.stringMatching(/^boot check: Redis: ERR \(redis\.unreachable\);/),
    ]);
  });

  it('does not wait for a ZITADEL that does not reply', async () => {
    const server = await scripted(() => undefined);
    const lines = await start({
      issuer: server.url,
      audience: '1',
      boot: { check: true, deadlineMs: 600 },
    });
    await expect.poll(() => lines).toHaveLength(1);
    expect(lines[0]?.[1]).toMatch(/issuer\.slow|doctor\.late/);
  });

  it('with strict it does not start if something is wrong, also while ZITADEL is down', async () => {
    const server = await scripted((response) => json(response, {}, 503));
    const refused = /does not start, because something is wrong/;
    await expect(start({ ...broken(), ...CHECK, strict: true })).rejects.toThrow(refused);
    const down = { issuer: server.url, audience: '1', strict: true, ...CHECK };
    await expect(start(down)).rejects.toThrow(/issuer\.failing/);
    const lines = await start({ ...zitadel.options(), ...CHECK, strict: true });
    expect(lines).toHaveLength(1);
  });

  it('asks nothing unless it is on', async () => {
    await start(zitadel.options());
    await start({ ...zitadel.options(), boot: { check: false } });
    expect(zitadel.requests()).toBe(0);
  });

  it.each([
    ['a boolean', true],
    ['an unknown setting', { chek: true }],
    ['a deadline of nothing', { check: true, deadlineMs: 0 }],
    ['null', null],
    ['undefined', undefined],
  ])('refuses %s', async (_what, boot) => {
    const options = { ...zitadel.options(), boot } as unknown as ZitadelModuleOptions;
    await expect(start(options)).rejects.toThrow(/^boot: write \{ check: true \}/);
  });
});
