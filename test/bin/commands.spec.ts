import { execFile } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { watchEnding } from '../../lib/bin/commands.js';
import { runAs } from './run-command.js';

it('ends a command that only looks when somebody stops it, whatever it waits for', async () => {
  const never = new Promise<string>(() => undefined);
  const stop = AbortSignal.timeout(10);
  const { code } = await runAs({}, ['token'], { input: () => never, stop });
  expect(code).toBe(130);
});

it.each([
  ['setup', '--project', 'shop'],
  ['events', 'setup', '--check'],
  ['explain', '--role', 'IAM_OWNER'],
  ['token'],
])(
  'says that it was stopped, and not that something is missing, on Ctrl-C at a prompt: %s',
  async (...args) => {
    const env = { ZITADEL_URL: 'https://a.example', ZITADEL_ISSUER: 'https://a.example' };
    const stop = AbortSignal.abort();
    const said = await runAs({ ...env, ZITADEL_CLIENT_ID: '1' }, args, { says: '', stop });
    expect(said).toMatchObject({ code: 130, out: '', told: '' });
    expect(said.asked).toHaveLength(1);
  },
);

it('has help with exit codes and examples for each command that it lists', async () => {
  const { out } = await runAs({}, ['--help']);
  const names = [...out.matchAll(/^ {2}(\w+(?: \w+)?) {3,}\w/gm)].map(([, name = '']) => name);
  expect(names).toContain('events setup');
  for (const name of names) {
    const help = await runAs({}, [...name.split(' '), '--help']);
    expect(help).toMatchObject({ code: 0, told: '' });
    const usage = `Usage: npx nestjs-zitadel ${name} `;
    expect(help.out.startsWith(usage), name).toBe(true);
    expect(help.out).toMatch(/\nExit codes:\n[^]*\nExamples:\n[^]*npx nestjs-zitadel /);
  }
});

it.each(['doctor/doctor', 'explain/explain', 'token/token', 'emulator/emulator', 'setup/setup'])(
  'has %s also in an application without Nest',
  async (name) => {
    const hook = `export const resolve = (name, context, next) => {
      if (name.startsWith('@nestjs/')) throw new Error(name + ' is not installed');
      return next(name, context);
    };`;
    const file = pathToFileURL(resolve('dist', 'bin', `${name}.js`)).href;
    const script = `import { register } from 'node:module';
      register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
      await import(${JSON.stringify(file)});`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    await expect(run).resolves.toMatchObject({ stdout: '' });
  },
);

/** A process that ends as an application has it, or after its command. */
function ended({ isDone }: { readonly isDone: boolean }) {
  const process: EventEmitter & { exitCode?: number } = new EventEmitter();
  const told: string[] = [];
  const done = watchEnding(process, (text) => void told.push(text));
  process.exitCode = 0;
  if (isDone) done();
  process.emit('exit');
  return { exitCode: process.exitCode, told: told.join('\n') };
}

describe('the end of the process', () => {
  it('is a failure if an application ends it before the command is done', () => {
    expect(ended({ isDone: false })).toEqual({
      exitCode: 1,
      told: expect.stringContaining('ended before the command was done') as string,
    });
  });

  it('is what the command says otherwise', () => {
    expect(ended({ isDone: true })).toEqual({ exitCode: 0, told: '' });
  });
});
