import { describe, expect, it, afterAll, beforeAll, beforeEach } from 'vitest';
import {
  call,
  type Called,
  type Json,
  outcomeOf,
  useFurnished,
  EACH_TEST,
  myMemberships,
  rowsOf,
  useTenants,
} from './calls.js';
import type { DeliveryFaults, User } from '../../lib/testing/index.js';
import { verifyEventSignature } from '../../lib/zitadel/events/verify-event.js';
import { openReceiver, type Receiver } from '../support/deliveries.js';

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

  it.each<[string | undefined, number]>([
    [undefined, 200],
    ['TEXT_FILTER_METHOD_EQUALS', 200],
    ['TEXT_QUERY_METHOD_EQUALS', 501],
    ['TEXT_FILTER_METHOD_CONTAINS', 501],
  ])('is searched by name with the method %s', async (method, status) => {
    const filters = [{ targetNameFilter: { targetName: 'one', method } }];
    expect((await ask('POST', `${TARGETS}/search`, { filters })).status).toBe(status);
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
    const starred = [{ event: { group: 'org.member.*' } }];
    expect(await listed([{ inConditionsFilter: { conditions: starred } }])).toEqual([group]);
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

describe('deliveries', () => {
  const w = useTenants(EACH_TEST);
  let receiver: Receiver;
  let user: User;

  beforeAll(async () => {
    receiver = await openReceiver();
  });
  afterAll(() => receiver.close());
  beforeEach(() => {
    receiver.deliveries.length = 0;
    receiver.answers.length = 0;
    user = w.zitadel.addServiceUser('dave', { org: w.acme });
  });

  interface Body {
    readonly event_type: string;
    readonly sequence: number;
    readonly aggregateID: string;
    readonly [field: string]: unknown;
  }

  async function delivered(): Promise<readonly Body[]> {
    await w.zitadel.delivered();
    return receiver.deliveries.map(({ raw }) => JSON.parse(raw) as Body);
  }

  async function typesDelivered(): Promise<readonly string[]> {
    return (await delivered()).map((body) => body.event_type);
  }

  /** Events enough for chance to show, each of another sequence. */
  function changeRoles(times: number): void {
    w.zitadel.addMember(user, { org: w.acme }, ['ORG_OWNER']);
    for (let time = 1; time < times; time += 1) {
      w.zitadel.changeMember(user, { org: w.acme }, [time % 2 ? 'ORG_OWNER_VIEWER' : 'ORG_OWNER']);
    }
  }

  describe('a delivery', () => {
    it('is posted in the form of ZITADEL, and signed', async () => {
      const admin = w.zitadel.addUser('admin');
      const { signingKey } = w.zitadel.addTarget(receiver.url, { events: ['org.member'] });
      w.zitadel.setEditor(admin);
      w.zitadel.addMember(user, { org: w.acme }, ['ORG_OWNER']);
      const [body] = await delivered();
      const [first] = receiver.deliveries;
      expect(Object.keys(body ?? {})).toEqual([
        ...['aggregateID', 'aggregateType', 'resourceOwner', 'instanceID', 'version', 'sequence'],
        ...['event_type', 'created_at', 'userID', 'event_payload'],
      ]);
      expect(body).toMatchObject({
        aggregateID: w.acme.id,
        aggregateType: 'org',
        instanceID: w.zitadel.instanceId,
        version: 'v1',
        userID: admin.id,
        event_payload: { roles: ['ORG_OWNER'], userId: user.id },
        created_at: expect.stringMatching(
          /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z$/,
        ) as string,
      });
      expect(first?.method).toBe('POST');
      expect(first?.headers).toMatchObject({ 'content-type': 'application/json' });
      const signature = first?.headers['zitadel-signature'];
      expect(verifyEventSignature(first?.raw ?? '', signature, signingKey, Date.now())).toBe(
        'valid',
      );
    });

    it('leaves out what is empty', async () => {
      w.zitadel.addTarget(receiver.url, { events: ['user.deactivated'] });
      w.zitadel.deactivateUser(user);
      const [body] = await delivered();
      expect(body).toMatchObject({ version: 'v2', aggregateType: 'user', aggregateID: user.id });
      expect(Object.keys(body ?? {})).not.toContain('event_payload');
      expect(Object.keys(body ?? {})).not.toContain('userID');
    });

    it('is made once, whatever the target answers', async () => {
      w.zitadel.addTarget(receiver.url, { events: ['user'] });
      receiver.answers.push(503);
      w.zitadel.lockUser(user);
      expect(await typesDelivered()).toEqual(['user.locked']);
    });

    it('is given up after the timeout of its target, and the next one comes', async () => {
      w.zitadel.addTarget(receiver.url, { events: ['user'], timeoutMs: 400 });
      receiver.answers.push('nothing');
      w.zitadel.lockUser(user);
      w.zitadel.unlockUser(user);
      expect(await typesDelivered()).toEqual(['user.locked', 'user.unlocked']);
    });

    it('arrives before reads see the change, if they lag', async () => {
      w.zitadel.addTarget(receiver.url, { events: ['org.member'] });
      w.zitadel.addMember(user, { org: w.acme }, ['ORG_OWNER']);
      const token = w.zitadel.tokenFor(user);
      w.zitadel.holdReads();
      w.zitadel.removeMember(user, { org: w.acme });
      expect(await typesDelivered()).toEqual(['org.member.added', 'org.member.removed']);
      expect(rowsOf(await myMemberships(w.zitadel, token))).toHaveLength(1);
      w.zitadel.releaseReads();
      expect(rowsOf(await myMemberships(w.zitadel, token))).toHaveLength(0);
    });

    it('is not made to a target that is not reached, nor after the end', async () => {
      w.zitadel.addTarget('http://127.0.0.1:1/', { events: ['user.locked'] });
      w.zitadel.addTarget('mailto:nobody', { events: ['user.unlocked'] });
      w.zitadel.addTarget(receiver.url, { events: ['user.removed'] });
      w.zitadel.lockUser(user);
      w.zitadel.unlockUser(user);
      await w.zitadel.delivered();
      w.zitadel.deliveries({ delayMs: 60_000 });
      w.zitadel.removeUser(user);
      await w.zitadel.stop();
      expect(await typesDelivered()).toEqual([]);
    });
  });

  describe('an event goes to', () => {
    it.each([
      ['the execution on it', ['user.locked', 'user', 'all'], 'user.locked'],
      ['the longest group', ['user', 'user.l', 'all'], 'user.l'],
      ['all, where nothing else fits', ['org.member', 'all'], 'all'],
    ])('%s', async (_, conditions, winner) => {
      for (const name of conditions) {
        const options = name === 'all' ? {} : { events: [name] };
        w.zitadel.addTarget(`${receiver.url}?${name}`, options);
      }
      await w.zitadel.delivered();
      receiver.deliveries.length = 0;
      w.zitadel.lockUser(user);
      await w.zitadel.delivered();
      expect(receiver.deliveries.map(({ url }) => url)).toEqual([`/zitadel/events?${winner}`]);
    });

    it('every target of its execution, and to none that was removed', async () => {
      const [first, second] = ['first', 'second'].map((name) =>
        w.zitadel.addTarget(`${receiver.url}?${name}`, { events: ['user.locked'] }),
      );
      w.zitadel.lockUser(user);
      await w.zitadel.delivered();
      expect(receiver.deliveries.map(({ url }) => url.slice(-6))).toEqual(['?first', 'second']);
      w.zitadel.unlockUser(user);
      w.zitadel.removeTarget(first ?? '');
      w.zitadel.removeTarget(second ?? '');
      w.zitadel.lockUser(user);
      await w.zitadel.delivered();
      expect(receiver.deliveries).toHaveLength(2);
    });

    it('nobody who names an event that ZITADEL does not have', () => {
      const add = () => w.zitadel.addTarget(receiver.url, { events: ['nothing.happened'] });
      expect(add).toThrow('COMMAND-er5oneb5lz');
    });
  });

  describe('deliveries on demand', () => {
    /** The sequences in the order in which they arrived. */
    async function arrivals(faults: DeliveryFaults, times = 40): Promise<readonly number[]> {
      w.zitadel.addTarget(receiver.url, { events: ['org.member'] });
      w.zitadel.deliveries(faults);
      changeRoles(times);
      const sequences = (await delivered()).map(({ sequence }) => sequence);
      return sequences.map((sequence) => sequence - Math.min(...sequences));
    }

    const inOrder = Array.from({ length: 40 }, (_, index) => index);

    it.each<[string, DeliveryFaults]>([
      ['by default', {}],
      ['with a delay', { delayMs: 5 }],
      ['with delays of chance', { delayMs: [0, 20] }],
    ])('arrive in their order %s', async (_, faults) => {
      expect(await arrivals(faults)).toEqual(inOrder);
    });

    it('arrive in another order', async () => {
      const found = await arrivals({ delayMs: [0, 50], reorder: true });
      expect(found).not.toEqual(inOrder);
      expect([...found].sort((left, right) => left - right)).toEqual(inOrder);
    });

    it('are lost, all of them or a share', async () => {
      expect(await arrivals({ lose: 1 })).toEqual([]);
      w.zitadel.deliveries({ lose: 0.5 });
      for (const _ of inOrder) w.zitadel.changeMember(user, { org: w.acme }, ['ORG_OWNER']);
      const { length } = await delivered();
      expect(length).toBeGreaterThan(10);
      expect(length).toBeLessThan(30);
    });

    it('arrive twice, with the same body', async () => {
      const found = await arrivals({ duplicate: 1 });
      expect(found).toHaveLength(80);
      expect([...new Set(found)]).toEqual(inOrder);
    });

    it('have the same luck with the same seed', async () => {
      const faults = { lose: 0.3, duplicate: 0.3, seed: 7 };
      const first = await arrivals(faults);
      receiver.deliveries.length = 0;
      w.zitadel.deliveries({});
      w.zitadel.removeMember(user, { org: w.acme });
      await w.zitadel.delivered();
      receiver.deliveries.length = 0;
      w.zitadel.deliveries(faults);
      changeRoles(40);
      const sequences = (await delivered()).map(({ sequence }) => sequence);
      expect(sequences.map((sequence) => sequence - Math.min(...sequences))).toEqual(first);
    });

    it('are healed with everything else', async () => {
      w.zitadel.deliveries({ lose: 1 });
      w.zitadel.heal();
      expect(await arrivals({}, 2)).toHaveLength(2);
    });

    it.each<[string, DeliveryFaults]>([
      ['a negative delay', { delayMs: -1 }],
      ['the most before the least', { delayMs: [5, 1] }],
      ['a share above 1', { lose: 1.1 }],
      ['a share that is no number', { duplicate: NaN }],
    ])('do not take %s', (_, faults) => {
      expect(() => {
        w.zitadel.deliveries(faults);
      }).toThrow(TypeError);
    });
  });
});
