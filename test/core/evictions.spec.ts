import { describe, expect, it, vi } from 'vitest';
import type { Authorizer } from '../../lib/core/authorizer.js';
import type { Eviction, EvictionEvent } from '../../lib/core/eviction.js';
import { OrganizationWalks } from '../../lib/core/evictions.js';
import { authenticated, permission, role } from '../../lib/core/requirement/builders.js';
import { org } from '../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { type Person, useWorld } from '../support/world.js';
import { recorder, verdict } from '../zitadel/parts.js';

const world = useWorld();
const libraryOf = (options: Partial<ZitadelOptions> = {}): Zitadel =>
  createZitadel(world.zitadel.options({ logger: recorder(), ...options }));
const owner = () => world.ids['owner of acme'];
const tokenOfOwner = () => world.tokens['owner of acme'];
const requestOf = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** Whether a request with the token is decided without asking anybody. */
function isWarm({ decisions }: Zitadel, token = tokenOfOwner()): boolean {
  return decisions.leftMs(requestOf(token), decisions.prepare(authenticated())) > 0;
}

const evictions = (): readonly Eviction[] => [
  { type: 'user', userId: owner() },
  { type: 'organization', orgId: world.acme },
  { type: 'everyone' },
  { type: 'token', id: sessionOf(tokenOfOwner()) },
  { type: 'issuedBefore', userId: owner(), time: Date.now() },
  { type: 'issuedBefore', userId: undefined, time: Date.now() },
];

/** The session in the id of a JWT. */
function sessionOf(token: string): string {
  const [, payload = ''] = token.split('.');
  const { jti } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti: string };
  return jti.slice(0, jti.indexOf('-'));
}

describe('a listener of evictions', () => {
  it('hears of each at once, when the memory has forgotten, made here or told by another process', async () => {
    for (const eviction of evictions()) {
      for (const from of ['zitadel', 'fleet'] as const) {
        const library = libraryOf();
        const heard: (readonly [EvictionEvent, boolean])[] = [];
        library.decisions.onEviction((event) => heard.push([event, isWarm(library)]));
        await verdict(library, tokenOfOwner(), authenticated());
        expect(isWarm(library)).toBe(true);
        if (from === 'fleet')
          (library.decisions as Authorizer).hear({ at: Date.now(), eviction, from });
        else void library.decisions.evict(eviction, from);
        expect(heard).toEqual([[{ at: expect.any(Number) as number, eviction, from }, false]]);
      }
    }
  });

  it('hears times that only grow', async () => {
    const library = libraryOf();
    const times: number[] = [];
    library.decisions.onEviction(({ at }) => times.push(at));
    for (let i = 0; i < 5; i += 1) await library.decisions.evict({ type: 'everyone' });
    expect(times).toEqual([...new Set(times)].sort((one, other) => one - other));
    expect(times.length).toBe(5);
  });

  it('that throws or rejects harms nobody, and hears nothing after its end', async () => {
    const library = libraryOf();
    let heard = 0;
    library.decisions.onEviction(() => {
      throw new Error('of the application');
    });
    library.decisions.onEviction(() => Promise.reject(new Error('of the application')));
    const end = library.decisions.onEviction(() => (heard += 1));
    await library.decisions.evict({ type: 'everyone' });
    end();
    await library.decisions.evict({ type: 'everyone' });
    expect(heard).toBe(1);
  });

  it.each(['onEviction', 'onDecision'] as const)(
    'of %s that ends and listens again hears the next one, and not the same without end',
    async (listen) => {
      const library = libraryOf();
      let heard = 0;
      const begin = () => {
        const end = library.authorizer[listen](() => {
          heard += 1;
          end();
          if (heard < 1_000) begin();
        });
      };
      begin();
      for (let times = 1; times <= 2; times += 1) {
        await library.authorizer.evictAll();
        await verdict(library, tokenOfOwner(), authenticated());
        expect(heard).toBe(times);
      }
    },
  );
});

describe('an eviction of an organization', () => {
  const everybody = Object.keys({
    'owner of acme': 0,
    'owner of globex': 0,
    'owner of portal': 0,
    'manager of the grant': 0,
    'instance owner': 0,
    nobody: 0,
  } satisfies Partial<Record<Person, 0>>) as Person[];

  it.each([
    ['v1', 'acme', ['owner of globex', 'instance owner', 'nobody']],
    // A row of v1 does not say to whom the project is granted.
    [
      'v1',
      'unknown',
      ['owner of acme', 'owner of globex', 'owner of portal', 'instance owner', 'nobody'],
    ],
    ['v2', 'globex', ['owner of acme', 'owner of portal', 'instance owner', 'nobody']],
    ['v2', 'unknown', everybody],
  ] as const)('by API %s, of %s, forgets all but %j', async (api, org, left) => {
    const library = libraryOf({ api });
    for (const person of everybody) await verdict(library, world.tokens[person], authenticated());
    await library.authorizer.evictOrganization(world[org]);
    expect(everybody.filter((person) => isWarm(library, world.tokens[person]))).toEqual(left);
  });

  // A delivery of an authorization that ends names its organization, and often no user.
  it.each<[string, unknown, boolean]>([
    ['urn:zitadel:iam:org:project:1:roles', { editor: { '7': 'a.example' } }, true],
    ['urn:zitadel:iam:org:project:roles', { viewer: {}, editor: { '7': 'a.example' } }, true],
    ['urn:zitadel:iam:org:project:1:roles', [{ viewer: {} }, { editor: { '7': 'a' } }], true],
    ['urn:zitadel:iam:org:project:1:roles', { editor: { '8': 'a.example' } }, false],
    ['urn:zitadel:iam:org:project:1:roles', { '7': { '8': 'a.example' } }, false],
    ['urn:zitadel:iam:org:project:1:roles', null, false],
    ['roles', { editor: { '7': 'a.example' } }, false],
    // When an organization is removed, its users are gone, and no event names them.
    ['urn:zitadel:iam:user:resourceowner:id', '7', true],
    ['urn:zitadel:iam:user:resourceowner:id', '8', false],
  ])(
    'forgets whose token shows roles that it gave, or that they are at home there: %s %j',
    async (name, claim, ends) => {
      const claims = { [name]: claim };
      const callers = () => Promise.resolve({ userId: owner(), claims });
      const { audience: _audience, ...options } = world.zitadel.options({ callers });
      const library = createZitadel({ ...options, logger: recorder() });
      expect(await verdict(library, tokenOfOwner(), authenticated())).toBe('yes');
      expect(isWarm(library)).toBe(true);
      await library.authorizer.evictOrganization('7');
      expect(isWarm(library)).toBe(!ends);
    },
  );

  it('forgets its permissions and project grants, so that what was taken away counts at once', async () => {
    const library = libraryOf();
    const globexOwner = world.tokens['owner of globex'];
    const allowed = permission('project.read', org(world.acme));
    const onGrant = role('ORG_OWNER', org(world.globex));
    expect(await verdict(library, tokenOfOwner(), allowed)).toBe('yes');
    expect(await verdict(library, globexOwner, onGrant)).toBe('yes');
    const asked = () => world.zitadel.requests('permissions');
    const before = asked();
    await library.authorizer.evictOrganization(world.globex);
    await verdict(library, tokenOfOwner(), allowed);
    expect(asked()).toBe(before);
    await library.authorizer.evictOrganization(world.acme);
    await verdict(library, tokenOfOwner(), allowed);
    expect(asked()).toBe(before + 1);
  });
});

/** Walks of which each takes so many milliseconds. */
function walksOf(ms: number) {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
  const walked: string[][] = [];
  const walks = new OrganizationWalks((orgIds) => {
    walked.push([...orgIds]);
    vi.advanceTimersByTime(ms);
  });
  return { walked, walks };
}

describe('organizations that are evicted in a burst', () => {
  it('are forgotten at once while a walk is short', () => {
    const { walked, walks } = walksOf(0);
    for (const id of ['1', '2', '2']) expect(walks.over(id)).toBeUndefined();
    expect(walked).toEqual([['1'], ['2'], ['2']]);
    vi.useRealTimers();
  });

  it.each([
    [1, 9],
    [50, 100],
  ])('share one walk, where a walk takes %d ms and they come within %d ms', async (ms, waits) => {
    const { walked, walks } = walksOf(ms);
    expect(walks.over('0')).toBeUndefined();
    const waiting = Array.from({ length: 5_000 }, async (_, i) => walks.over(String(i % 1_000)));
    await vi.advanceTimersByTimeAsync(waits - 1);
    expect(walked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await Promise.all(waiting);
    expect(walked).toHaveLength(2);
    expect(walked[1]).toHaveLength(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(walks.over('0')).toBeUndefined();
    vi.useRealTimers();
  });
});
