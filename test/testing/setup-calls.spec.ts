import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { call, type Called, EACH_TEST, useFurnished } from './calls.js';

interface Recorded {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
  };
  readonly response: { readonly status: number; readonly body: unknown };
}

const recorded = JSON.parse(
  readFileSync(new URL('../contract/recorded/setup.json', import.meta.url), 'utf8'),
) as readonly Recorded[];

/** Made by verbs in the emulator. */
const BY_VERB = [
  /^own org$/,
  /^create org /,
  /^create human user /,
  /^user grant /,
  /^project grant member /,
];

const w = useFurnished(
  (zitadel) => {
    const admin = zitadel.addServiceUser('admin');
    zitadel.addMember(admin, 'instance', ['IAM_OWNER']);
    return { pat: zitadel.patFor(admin) };
  },
  {},
  EACH_TEST,
);

/** A call as an administrator. */
function ask(method: string, path: string, body?: unknown, orgId?: string): Promise<Called> {
  const headers = orgId === undefined ? {} : { 'x-zitadel-orgid': orgId };
  return call(w.zitadel, path, w.pat, { method, body, headers });
}

/** The members of a value, with those of its members. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]));
}

describe('the calls that set up an application', () => {
  it('are replied to as the recorded server did', async () => {
    const { zitadel } = w;
    /** What a recorded id is called here. */
    const ids = new Map<string, string>();
    const here = (text: string) => {
      return text.replaceAll(/\d{18}/g, (id) => ids.get(id) ?? id);
    };
    const note = (there: unknown, mine: unknown) => {
      if (typeof there === 'string' && /^\d{18}$/.test(there)) ids.set(there, String(mine));
      if (typeof there !== 'object' || there === null) return;
      for (const [name, each] of Object.entries(there)) {
        note(each, Object(mine)[name]);
      }
    };
    let compared = 0;
    for (const { name, request, response } of recorded) {
      const { method, path, headers, body } = request;
      const { id } = Object(response.body) as { id?: string };
      const [, orgName] = /^create org (.+)$/.exec(name) ?? [];
      if (name === 'own org') {
        note({ id: Object(response.body).org.id }, { id: zitadel.rootOrg.id });
      } else if (orgName !== undefined) ids.set(id ?? '', zitadel.addOrg(orgName).id);
      else if (name.startsWith('create human user')) {
        const user = zitadel.addUser('hank', { org: here(Object(body).organizationId) });
        ids.set(id ?? '', user.id);
      }
      if (BY_VERB.some((each) => each.test(name))) continue;
      const sent =
        body === undefined ? undefined : (JSON.parse(here(JSON.stringify(body))) as unknown);
      const orgId = headers['x-zitadel-orgid'];
      const reply = await ask(method, here(path), sent, orgId && here(orgId));
      note(response.body, reply.json);
      expect([name, reply.status, shapeOf(reply.json)]).toEqual([
        name,
        response.status,
        shapeOf(response.body),
      ]);
      compared += 1;
    }
    expect(compared).toBe(28);
  });

  it('make keys that are files as those of ZITADEL', async () => {
    const V1 = '/management/v1';
    const { json: project } = await ask('POST', `${V1}/projects`, { name: 'shop' });
    const key = { type: 'KEY_TYPE_JSON' };
    const apps = `${V1}/projects/${String(project['id'])}/apps`;
    const method = { name: 'api', authMethodType: 'API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT' };
    const { json: app } = await ask('POST', `${apps}/api`, method);
    const keys = `${apps}/${String(app['appId'])}/keys`;
    const { json: appKey } = await ask('POST', keys, key);
    const user = { userName: 'robot', name: 'robot' };
    const { json: robot } = await ask('POST', `${V1}/users/machine`, user);
    const userKeys = `${V1}/users/${String(robot['userId'])}/keys`;
    const { json: userKey } = await ask('POST', userKeys, key);
    const fileOf = (details: unknown) =>
      JSON.parse(Buffer.from(String(details), 'base64').toString()) as object;
    expect(fileOf(appKey['keyDetails'])).toMatchObject({
      keyId: appKey['id'],
      appId: app['appId'],
      clientId: app['clientId'],
    });
    expect(fileOf(userKey['keyDetails'])).toMatchObject({
      keyId: userKey['keyId'],
      userId: robot['userId'],
    });
    expect(await ask('POST', `${keys}/_search`, {})).toMatchObject({
      json: { result: [{ id: appKey['id'], type: 'KEY_TYPE_JSON' }] },
    });
    await ask('DELETE', `${userKeys}/${String(userKey['keyId'])}`);
    expect((await ask('POST', `${userKeys}/_search`, {})).json).not.toHaveProperty('result');
    await ask('DELETE', `${V1}/users/${String(robot['userId'])}`);
    await ask('DELETE', `${V1}/projects/${String(project['id'])}`);
    expect((await ask('POST', `${V1}/projects/_search`, {})).json['result']).toEqual([
      expect.objectContaining({ name: 'ZITADEL' }),
      expect.objectContaining({ name: 'app' }),
    ]);
  });

  it.each([
    ['projects', 'nameQuery', 'name'],
    ['users', 'userNameQuery', 'userName'],
    ['metadata', 'keyQuery', 'key'],
  ])('search %s with the methods of API v1', async (list, query, field) => {
    const search = async (method?: string) => {
      const queries = [{ [query]: { [field]: 'x', method } }];
      return (await ask('POST', `/management/v1/${list}/_search`, { queries })).status;
    };
    expect(await search()).toBe(200);
    expect(await search('TEXT_QUERY_METHOD_EQUALS')).toBe(200);
    expect(await search('TEXT_FILTER_METHOD_EQUALS')).toBe(501);
    expect(await search('TEXT_QUERY_METHOD_CONTAINS')).toBe(501);
  });

  it('takes a role from whoever has it', async () => {
    const { zitadel } = w;
    const [globex, dave] = [zitadel.addOrg('globex'), zitadel.addUser('dave')];
    const portal = zitadel.addProject('portal', { roles: ['reader', 'writer'] });
    zitadel.grantProject(portal, globex, ['reader', 'writer']);
    zitadel.authorizeUser(dave, portal, ['reader', 'writer']);
    await ask('DELETE', `/management/v1/projects/${portal.id}/roles/writer`);
    expect(zitadel.grants()).toMatchObject([{ roleKeys: ['reader'] }]);
    expect(() => zitadel.authorizeUser(dave, portal, ['writer'])).toThrow('COMMAND-mm9F4');
  });

  it.each([
    ['a second project', 'POST', '/projects', { name: 'app' }, 409, 'V3-DKcYh'],
    ['an unknown project', 'DELETE', '/projects/1', undefined, 404, 'COMMAND-3M9sd'],
    ['an unknown user', 'DELETE', '/users/1', undefined, 404, 'COMMAND-m9od'],
    ['unknown metadata', 'DELETE', '/metadata/x', undefined, 404, 'META-mcnw3'],
  ])('refuse %s', async (_what, method, path, body, status, id) => {
    const reply = await ask(method, `/management/v1${path}`, body);
    expect(reply).toMatchObject({ status, json: { details: [{ id }] } });
  });
});
