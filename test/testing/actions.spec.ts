import { describe, expect, it } from 'vitest';
import { call, type Called, type Json, outcomeOf, useFurnished } from './calls.js';

const TARGETS = '/v2/actions/targets';
const EXECUTIONS = '/v2/actions/executions';
const HOOK = {
  restWebhook: { interruptOnError: false },
  timeout: '5s',
  endpoint: 'https://a.test/',
};

const w = useFurnished((zitadel) => {
  const [owner, viewer, stranger] = ['owner', 'viewer', 'stranger'].map((name) =>
    zitadel.addServiceUser(name),
  );
  zitadel.addMember(owner ?? '', 'instance', ['IAM_OWNER']);
  zitadel.addMember(viewer ?? '', 'instance', ['IAM_OWNER_VIEWER']);
  zitadel.addMember(stranger ?? '', { org: zitadel.rootOrg }, ['ORG_OWNER']);
  return { owner: owner?.id ?? '', viewer: viewer?.id ?? '', stranger: stranger?.id ?? '' };
});

const told = (called: Called): string => outcomeOf(called).join(' ').trim();

function ask(method: string, path: string, body?: unknown, user = w.owner): Promise<Called> {
  const options = body === undefined ? { method } : { method, body };
  return call(w.zitadel, path, w.zitadel.tokenFor(user), options);
}

const create = (name: string, more: object = {}) =>
  ask('POST', TARGETS, { name, ...HOOK, ...more });
const setOn = (event: object, targets: readonly string[]) =>
  ask('PUT', EXECUTIONS, { condition: { event }, targets });
const idIn = ({ json }: Called) => String(json['id']);

describe('a target', () => {
  it('is created, read, listed, changed and removed', async () => {
    const created = await create('one');
    expect(created.status).toBe(200);
    expect(created.headers.get('cache-control')).toBeNull();
    const { id, signingKey } = created.json as { id: string; signingKey: string };
    expect(signingKey).toMatch(/^[A-Za-z0-9]{36}$/);
    const shown = {
      id,
      name: 'one',
      restWebhook: {},
      timeout: '5s',
      endpoint: 'https://a.test/',
      signingKey,
      payloadType: 'PAYLOAD_TYPE_JSON',
      creationDate: created.json['creationDate'],
      changeDate: created.json['creationDate'],
    };
    expect((await ask('GET', `${TARGETS}/${id}`)).json).toEqual({ target: shown });
    const filters = [{ targetNameFilter: { targetName: 'one' } }];
    const listed = await ask('POST', `${TARGETS}/search`, { filters });
    const pagination = { totalResult: '1', appliedLimit: '100' };
    expect(listed.json).toEqual({ pagination, targets: [shown] });
    const change = { timeout: '0.5s', endpoint: 'https://b.test/', name: 'two' };
    const changed = await ask('POST', `${TARGETS}/${id}`, change);
    expect(Object.keys(changed.json)).toEqual(['changeDate']);
    const after = {
      ...shown,
      ...change,
      timeout: '0.500s',
      changeDate: changed.json['changeDate'],
    };
    expect((await ask('GET', `${TARGETS}/${id}`)).json).toEqual({ target: after });
    expect((await ask('POST', `${TARGETS}/${id}`, change)).json).toEqual(changed.json);
    expect((await ask('DELETE', `${TARGETS}/${id}`)).json).toHaveProperty('deletionDate');
    expect((await ask('DELETE', `${TARGETS}/${id}`)).json).toEqual({});
  });

  it('gets a new key on demand, and shows it', async () => {
    const target = await create('rotated');
    const path = `${TARGETS}/${idIn(target)}`;
    const rotated = await ask('POST', path, { expirationSigningKey: '0s' });
    expect(rotated.json['signingKey']).toMatch(/^[A-Za-z0-9]{36}$/);
    expect(rotated.json['signingKey']).not.toBe(target.json['signingKey']);
    const { target: read } = (await ask('GET', path)).json as { target: Json };
    expect(read['signingKey']).toBe(rotated.json['signingKey']);
  });

  it.each<[string, object, string]>([
    ['without a timeout', { timeout: undefined }, '400 COMMAND-39f35d8uri'],
    ['with a timeout that is none', { timeout: '5' }, '400'],
    ['with a timeout beyond the limit', { timeout: '271s' }, '400'],
    ['without a name', { name: '' }, '400'],
    ['without an endpoint', { endpoint: '' }, '400'],
    ['without a kind', { restWebhook: undefined }, '400'],
    ['with a payload that is not emulated', { payloadType: 'PAYLOAD_TYPE_JWE' }, '501'],
  ])('%s is refused', async (_, more, outcome) => {
    expect(told(await create('refused', more))).toBe(outcome);
  });

  it('has a name of its own', async () => {
    const [first, second] = [await create('first'), await create('second')];
    expect(told(await create('first'))).toBe('409 V3-DKcYh');
    const renamed = await ask('POST', `${TARGETS}/${idIn(second)}`, { name: 'first' });
    expect(told(renamed)).toBe('409 V3-DKcYh');
    await ask('DELETE', `${TARGETS}/${idIn(first)}`);
    expect((await create('first')).status).toBe(200);
  });

  it.each<[string, string[]]>([
    ['ID', ['sorted c', 'sorted a', 'sorted b']],
    ['CREATED_DATE', ['sorted c', 'sorted a', 'sorted b']],
    ['CHANGED_DATE', ['sorted a', 'sorted b', 'sorted c']],
    ['NAME', ['sorted a', 'sorted b', 'sorted c']],
  ])('is listed by %s', async (column, names) => {
    const made = [await create('sorted c'), await create('sorted a'), await create('sorted b')];
    const targetIds = made.map(idIn);
    await ask('POST', `${TARGETS}/${targetIds[0] ?? ''}`, { timeout: '1s' });
    const listed = await ask('POST', `${TARGETS}/search`, {
      filters: [{ inTargetIdsFilter: { targetIds } }],
      sortingColumn: `TARGET_FIELD_NAME_${column}`,
      pagination: { asc: true },
    });
    expect((listed.json['targets'] as Json[]).map(({ name }) => name)).toEqual(names);
    for (const id of targetIds) await ask('DELETE', `${TARGETS}/${id}`);
  });

  it('that is not there is not found', async () => {
    expect(told(await ask('GET', `${TARGETS}/1`))).toBe('404 QUERY-hj5oaniyrz');
    expect(told(await ask('POST', `${TARGETS}/1`, {}))).toBe('404 COMMAND-xj14f2cccn');
    expect(told(await setOn({ all: true }, ['1']))).toBe('404 COMMAND-17e8fq1ggk');
  });
});

describe('an execution', () => {
  it('is set, replaced, emptied, and forgets a target that goes', async () => {
    const [one, two] = [idIn(await create('exec one')), idIn(await create('exec two'))];
    const listed = async (filters: readonly object[] = []) => {
      const { json } = await ask('POST', `${EXECUTIONS}/search`, { filters });
      const rows = (json['executions'] ?? []) as { condition: object; targets: string[] }[];
      return rows.map(({ condition, targets }) => [condition, targets]);
    };
    const set = await setOn({ event: 'org.member.added' }, [one, two]);
    expect(Object.keys(set.json)).toEqual(['setDate']);
    await setOn({ group: 'org.member' }, [two]);
    await setOn({ all: true }, [two]);
    await setOn({ event: 'org.member.added' }, [one]);
    const exact = [{ event: { event: 'org.member.added' } }, [one]];
    const group = [{ event: { group: 'org.member' } }, [two]];
    const all = [{ event: { all: true } }, [two]];
    expect(await listed()).toEqual(expect.arrayContaining([exact, group, all]));
    expect(await listed([{ targetFilter: { targetId: one } }])).toEqual([exact]);
    const conditions = [{ event: { group: 'org.member' } }, { event: { event: 'org.removed' } }];
    expect(await listed([{ inConditionsFilter: { conditions } }])).toEqual([group]);
    const executionType = 'EXECUTION_TYPE_REQUEST';
    expect(await listed([{ executionTypeFilter: { executionType } }])).toEqual([]);
    await setOn({ group: 'org.member' }, []);
    await ask('DELETE', `${TARGETS}/${one}`);
    expect(await listed()).toEqual([all]);
  });

  it.each<[string, object, string]>([
    ['an unknown event', { event: { event: 'nothing.happened' } }, '404 COMMAND-74aaqj8fv9'],
    ['an unknown group', { event: { group: 'nothing' } }, '404 COMMAND-er5oneb5lz'],
    ['no event', { event: {} }, '400 COMMAND-w5smb6v7qu'],
    ['requests, which is not emulated', { request: { all: true } }, '501'],
  ])('on %s is refused', async (_, condition, outcome) => {
    const answer = await ask('PUT', EXECUTIONS, { condition, targets: [] });
    expect(told(answer)).toBe(outcome);
  });
});

describe('who may do it', () => {
  const calls: readonly [string, string, object?][] = [
    ['POST', TARGETS, { name: 'x', ...HOOK }],
    ['POST', `${TARGETS}/1`, {}],
    ['DELETE', `${TARGETS}/1`],
    ['PUT', EXECUTIONS, { condition: { event: { all: true } } }],
    ['GET', `${TARGETS}/1`],
    ['POST', `${TARGETS}/search`, {}],
    ['POST', `${EXECUTIONS}/search`, {}],
  ];

  it('owners of the instance; its viewers look; owners of organizations do neither', async () => {
    const outcomes = async (user: string) =>
      (await Promise.all(calls.map(([method, path, body]) => ask(method, path, body, user)))).map(
        ({ status }) => status,
      );
    expect(await outcomes(w.viewer)).toEqual([403, 403, 403, 403, 404, 200, 200]);
    expect(await outcomes(w.stranger)).toEqual([403, 403, 403, 403, 403, 403, 403]);
  });
});
