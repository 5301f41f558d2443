import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { runCommand } from '#dist/bin/commands.js';
import { quietTerminal } from '../support/terminal.js';

/** Where an application is set up. */
interface Place {
  readonly url: string;
  /** A personal access token of an IAM_OWNER. */
  readonly pat: string;
  readonly organization: string;
  readonly args: readonly string[];
}

/** What came of it. */
interface Result {
  /** How many changes the first run made. */
  readonly changes: number;
  /** How many the second run made. */
  readonly secondRunChanges: number;
  /** Things at ZITADEL, and files, that are there after `--remove` and were not before. */
  readonly leftovers: number;
}

const ARGS = ['--role', 'editor', '--role', 'viewer'];
const ENDPOINT = ['--endpoint', 'https://shop.example/zitadel/events'];

/** Sets an application up twice on an emulator, and takes that back. Once on an empty one, once where parts of it were there. */
export async function setupAndRemove(): Promise<{ secondRunChanges: number; leftovers: number }> {
  const zitadel = await ZitadelEmulator.start();
  try {
    const admin = zitadel.addServiceUser('admin');
    zitadel.addMember(admin, 'instance', ['IAM_OWNER']);
    const { url } = zitadel;
    const pat = zitadel.patFor(admin);
    const args = [...ARGS, ...ENDPOINT, '--service-user-role', 'IAM_OWNER_VIEWER'];
    // --remove is not told them again.
    const names = ['--application', 'backend', '--service-user', 'robot'];
    const alone = await setupTwiceAndRemove({
      ...{ url, pat, args: [...args, ...names] },
      organization: zitadel.addOrg('empty').id,
    });
    const org = zitadel.addOrg('parts');
    zitadel.addProject('evidence', { org, roles: ['viewer'] });
    const robot = zitadel.addServiceUser('evidence-service', { org });
    zitadel.addMember(robot, { org }, ['ORG_USER_MANAGER']);
    zitadel.addKey(robot);
    const place = { url, pat, args, organization: org.id };
    const beside = await setupTwiceAndRemove(place);
    return {
      secondRunChanges: alone.secondRunChanges + beside.secondRunChanges,
      leftovers: alone.leftovers + beside.leftovers,
    };
  } finally {
    await zitadel.stop();
  }
}

/** Sets an application up twice at one place, and takes that back. @throws Error if a run fails */
export async function setupTwiceAndRemove(place: Place): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'setup-'));
  try {
    const before = await thingsAt(place);
    const first = await run(place, folder, place.args);
    const second = await run(place, folder, place.args);
    await run(place, folder, ['--remove']);
    const after = await thingsAt(place);
    const files = await readdir(folder);
    return {
      changes: first.done.length,
      secondRunChanges: second.done.length,
      leftovers: [...after].filter((thing) => !before.has(thing)).length + files.length,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(
  { url, pat, organization }: Place,
  folder: string,
  args: readonly string[],
): Promise<{ readonly done: readonly string[] }> {
  const names = ['--project', 'evidence', '--organization', organization];
  const files = ['--env', join(folder, '.env'), '--secrets', join(folder, 'secrets')];
  const { terminal, said } = quietTerminal({ env: { ZITADEL_URL: url, ZITADEL_PAT: pat } });
  const code = await runCommand(
    ['setup', ...names, ...files, ...args, '--yes', '--json'],
    terminal,
  );
  const { out } = said();
  if (code !== 0) throw new Error(`setup ${args.join(' ')}: ${String(code)} ${out}`);
  return JSON.parse(out) as { done: readonly string[] };
}

/** Everything of the kinds that setup makes, in the organization and in its projects and users. */
async function thingsAt(place: Place): Promise<ReadonlySet<string>> {
  const V1 = '/management/v1';
  const projects = await rowsOf(place, `${V1}/projects/_search`);
  const users = await rowsOf(place, `${V1}/users/_search`);
  const lists = [
    ...[`${V1}/metadata/_search`, '/v2/actions/targets/search', '/v2/actions/executions/search'],
    ...projects.flatMap(({ id }) =>
      ['roles', 'apps'].map((what) => `${V1}/projects/${String(id)}/${what}/_search`),
    ),
    ...users.flatMap(({ id }) =>
      ['keys', 'memberships'].map((what) => `${V1}/users/${String(id)}/${what}/_search`),
    ),
  ];
  const things = [...projects, ...users].map(({ id }) => String(id));
  for (const list of lists) {
    const rows = await rowsOf(place, list);
    // Details change; what a thing is called does not.
    const names = rows.map(({ id, key, condition, orgId, iam, roles }) => {
      return JSON.stringify([list, id, key, condition, orgId, iam, roles]);
    });
    things.push(...names);
  }
  return new Set(things);
}

async function rowsOf(
  { url, pat, organization }: Place,
  path: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const reply = await fetch(url + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${pat}`,
      'content-type': 'application/json',
      'x-zitadel-orgid': organization,
    },
    body: '{}',
  });
  if (reply.status !== 200) throw new Error(`${path}: ${String(reply.status)}`);
  const body = (await reply.json()) as Record<string, readonly Record<string, unknown>[]>;
  return body['result'] ?? body['targets'] ?? body['executions'] ?? [];
}
