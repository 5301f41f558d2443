import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeliveryFaults, User } from '../../lib/testing/index.js';
import { verifyEventSignature } from '../../lib/zitadel/events/verify-event.js';
import { openReceiver, type Receiver } from '../support/receiver.js';
import { EACH_TEST, myMemberships, rowsOf, useTenants } from './calls.js';

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
    expect(verifyEventSignature(first?.raw ?? '', signature, signingKey, Date.now())).toBe('valid');
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
