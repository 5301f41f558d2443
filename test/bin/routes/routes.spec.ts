import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '#dist/bin/commands.js';
import { afterAll, describe, expect, it } from 'vitest';
import { directionOf } from '../../../lib/bin/routes/lock.js';
import { quietTerminal } from '../../support/terminal.js';

const APPLICATION = join('test', 'bin', 'routes', 'application.mjs');
const folder = mkdtempSync(join(tmpdir(), 'routes-'));
const lock = join(folder, 'access.json');

afterAll(() => rmSync(folder, { recursive: true }));

async function run(...args: readonly string[]) {
  const { terminal, said } = quietTerminal();
  const code = await runCommand(['routes', ...args], terminal);
  return { code, ...said() };
}

describe('routes', () => {
  it('shows every handler and what it asks for, and runs nothing of the application', async () => {
    const { code, out } = await run(`${APPLICATION}#AppModule`);
    expect([code, out]).toEqual([
      0,
      [
        'Orgs',
        '  GET /orgs/:orgId     ORG_OWNER on org param orgId',
        '  GET /orgs/<b>|logo   public',
        '  GET /orgs/of/nobody  declares nothing: always denied',
      ].join('\n'),
    ]);
  });

  it('knows of a function the prefix, and what stands on the HTTP adapter itself', async () => {
    const { out } = await run(`${APPLICATION}#createApp`);
    expect(out).toContain('  GET /api/orgs/:orgId     ORG_OWNER on org param orgId');
    expect(out).toMatch(/GET \/health +NOT GUARDED by nestjs-zitadel: no route of Nest/);
  });

  it('knows the paths that RouterModule gives to modules', async () => {
    const { out } = await run(`${APPLICATION}#Placed`);
    expect(out).toContain('GET /inner/orgs/:orgId');
  });

  it('knows of a guard that a function gives to the whole application', async () => {
    const { out } = await run(`${APPLICATION}#guarding`);
    expect(out).toContain('ORG_OWNER on org param orgId');
    expect(out).not.toContain('NOT GUARDED');
  });

  it('says that a function has to return the application', async () => {
    const { code, told } = await run(`${APPLICATION}#forgetful`);
    expect([code, told]).toEqual([1, expect.stringContaining('returns no application')]);
  });

  it('says that a function has to return the application before that listens', async () => {
    const { code, told } = await run(`${APPLICATION}#listening`);
    expect([code, told]).toEqual([
      1,
      'the application could not be made: the function calls listen(), and nothing is to be started: let it return the application before that',
    ]);
  });

  it('names guards that stand for ours, and the hosts of a controller', async () => {
    const { out } = await run(`${APPLICATION}#Swapped`);
    expect(out).toBe(
      [
        'Hosted',
        '  GET / (host a.example, /b/)  any accepted caller, by Asking (asks ZitadelManagerGuard) and ByKey (overrides canActivate)',
      ].join('\n'),
    );
  });

  it('names guards alike at each start, and in the same order', async () => {
    const { out } = await run(`${APPLICATION}#Mixed`);
    expect(out).toBe(
      [
        'Mixing',
        '  GET /mixing       any accepted caller, by Plain (extends ZitadelManagerGuard) and a class without a name (asks ZitadelManagerGuard) and a subclass of ByKey (overrides canActivate)',
        '  GET /mixing/open  public, by a class without a name (asks ZitadelManagerGuard) and a subclass of ByKey (overrides canActivate)',
      ].join('\n'),
    );
  });

  it('does not take the guard of a second copy of the package for another one', async () => {
    const { out } = await run(`${APPLICATION}#Copied`);
    expect(out).toBe('Copying\n  GET /copying  any accepted caller');
  });

  it('says what is not guarded, and what it cannot know', async () => {
    const { out, told } = await run(`${APPLICATION}#Unguarded`);
    expect(out).toContain('GET /orgs/:orgId     NOT GUARDED by nestjs-zitadel: open');
    expect(told).toContain('the options of ZitadelModule.forRootAsync()');
  });

  it('escapes what it writes into a page and into tables', async () => {
    const { out } = await run(`${APPLICATION}#AppModule`, '--html');
    const page = out.replaceAll('<wbr>', '');
    expect(page).toContain('GET /orgs/&lt;b&gt;|logo');
    expect(page).not.toContain('<b>');
    expect(page).toContain('<th scope="col"><span>ORG_OWNER</span></th>');
    const { out: tables } = await run(`${APPLICATION}#AppModule`, '--markdown');
    expect(tables).toContain(String.raw`| GET /orgs/\<b\>\|logo | public |`);
  });

  it('writes JSON', async () => {
    const { out } = await run(`${APPLICATION}#AppModule`, '--json');
    expect(JSON.parse(out)).toMatchObject({
      access: [
        { door: 'http', handler: 'read', access: 'required', guards: ['ZitadelManagerGuard'] },
        {},
        {},
      ],
      options: { hierarchy: 'zitadel', allowImpersonation: 'false' },
      unknown: [],
    });
  });

  it('has the options of each of several instances, numbered by what they are, not by their order', async () => {
    const { out } = await run(`${APPLICATION}#TwoInstances`, '--json');
    expect((JSON.parse(out) as { readonly options: unknown }).options).toEqual({
      'allowImpersonation of instance 1': 'false',
      'allowImpersonation of instance 2': 'false',
      'hierarchy of instance 1': 'exact',
      'hierarchy of instance 2': 'exact',
      'memberships.inactive of instance 1': 'asZitadel',
      'memberships.inactive of instance 2': 'asZitadel',
      'projectRoles of instance 1': 'api',
      'projectRoles of instance 2': 'token',
      strict: 'false',
    });
    const { out: page } = await run(`${APPLICATION}#TwoInstances`, '--html');
    const [, rows = ''] = page.split('</thead>');
    expect([rows.includes('●'), rows.includes('○')]).toEqual([true, false]);
  });

  it('writes JSON also where the application cannot be opened', async () => {
    const { code, out, told } = await run(`${APPLICATION}#forgetful`, '--json');
    expect([code, told]).toEqual([1, '']);
    expect(JSON.parse(out)).toEqual({ exitCode: 1, error: expect.any(String) as string });
  });

  it('writes a file, and fails where the application is not as the file says', async () => {
    const file = `${APPLICATION}#AppModule`;
    expect(await run(file, '--lock', lock)).toMatchObject({ code: 0 });
    expect(await run(file, '--check', lock)).toMatchObject({ code: 0, out: '' });
    const text = readFileSync(lock, 'utf8');
    writeFileSync(lock, text.replace('"ORG_OWNER on', '"ORG_OWNER | ORG_OWNER_VIEWER on'));
    const { code, out } = await run(file, '--check', lock);
    expect(code).toBe(3);
    expect(out).toContain('~ GET /orgs/:orgId  (narrower)');
    const { out: json } = await run(file, '--check', lock, '--json');
    expect(JSON.parse(json)).toMatchObject({
      exitCode: 3,
      differences: [{ direction: 'narrower' }],
    });
  });

  it.each([
    ['no file', [], /name one file/],
    ['TypeScript source', ['lib/index.ts'], /is TypeScript source: compile/],
    ['a path where nothing is', ['./none.js'], /is not a file/],
    [
      'a name that is not exported',
      [`${APPLICATION}#Other`],
      /no function Other; exported are: AppModule, Copied, Mixed, Placed, Swapped, TwoHosts, TwoInstances, Unguarded, createApp, forgetful, guarding, large, listening/,
    ],
    ['several modules', [APPLICATION], /exports several/],
    ['two forms', [APPLICATION, '--html', '--json'], /do not go together/],
    ['a lock file that is none', [APPLICATION, '--check', 'package.json'], /is not a lock file/],
    [
      'a lock file that is missing',
      [APPLICATION, '--check', './none.json'],
      /write it with --lock/,
    ],
  ])('refuses %s', async (_, args, text) => {
    const { code, told } = await run(...args);
    expect([code, told]).toEqual([2, expect.stringMatching(text)]);
  });
});

describe('a change', () => {
  it.each([
    ['public', 'any accepted caller', 'narrower'],
    ['any accepted caller', 'any accepted caller, or none', 'wider'],
    ['A on org param a', '(A on org param a and B on the instance)', 'narrower'],
    ['A on org param a', '(A on org param a or B on the instance)', 'wider'],
    ['A on project param p of org param a', 'A on project param p', 'wider'],
    ['A on org param a (fresh)', 'A on org param a', 'wider'],
    ['A on org param a', 'A on org param a, or whoever acts as one', 'wider'],
    ["A on org param a, at ZITADEL 'b'", 'A on org param a', undefined],
    ['A on org param a', 'A on org param a, by Other (overrides canActivate)', undefined],
    ['A on org param a, by Other (overrides canActivate)', 'A on org param a', undefined],
    ['A on org param a, by B and C (asks Z)', 'A | B on org param a, by B and C (asks Z)', 'wider'],
    ['declares nothing: always denied, by Other (overrides canActivate)', 'A on org a', undefined],
    ['public', 'A on org param a, by Other (overrides canActivate)', 'narrower'],
    ['public', 'public, by Other (asks Z)', 'narrower'],
    ['A on org param a, by Other (asks Z)', 'public, by Other (asks Z)', 'wider'],
    ['A on org param a', 'public, by Other (asks Z)', undefined],
    ['A on org param a', 'A on org query a', undefined],
    ['A on org param a', 'declares nothing: always denied', 'narrower'],
    ['what nobody knows how to read (', 'public (', undefined],
  ])('from %s to %s is %s', (from, to, direction) => {
    expect(directionOf(from, to)).toBe(direction);
  });
});
