import { Controller, Get, type Type } from '@nestjs/common';
import { Query, Resolver } from '@nestjs/graphql';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decisionOf } from '../lib/core/attached-decision.js';
import type { Caller } from '../lib/core/caller.js';
import { DENIAL, type DenyReason } from '../lib/core/decision.js';
import { authenticated, permission, role } from '../lib/core/requirement/builders.js';
import { org } from '../lib/core/requirement/refs.js';
import { createZitadel } from '../lib/create-zitadel.js';
import { callerOf, createZitadel as createForExpress, requireRole } from '../lib/express/index.js';
import { CurrentCaller, RequireRole, ZitadelModule } from '../lib/index.js';
import type { InstanceOptions, SeveralInstances } from '../lib/instances-option.js';
import { introspection, jwt, userinfo } from '../lib/callers.js';
import type { ZitadelEmulator } from '../lib/testing/index.js';
import { basic, pat } from '../lib/zitadel/credentials.js';
import { settle } from './core/gate.js';
import { MemoryStore } from './core/store/memory-store.js';
import { bootWith, serve, untilTheEnd } from './support/application.js';
import { startGraphql } from './support/graphql.js';
import { speak } from './support/speak.js';
import { useEmulator } from './support/world.js';
import { decide, errorOf, recorder, verdict } from './zitadel/parts.js';

const SECRET = 'a secret of more than thirty-two characters';

/** Two instances with an organization and people of the same ids. Alice owns it in A alone, Bob in B alone. */
const a = await useEmulator({ firstId: '400000000000000001' });
const b = await useEmulator({ firstId: '400000000000000001' });
let orgId: string;
let alice: string;
let bob: string;

beforeAll(() => {
  const [ofA, ofB] = [a, b].map((each) => {
    const acme = each.addOrg('acme');
    const [one, two] = ['alice', 'bob'].map((name) => each.addUser(name, { org: acme }).id);
    return [acme.id, one, two] as [string, string, string];
  });
  if (String(ofA) !== String(ofB)) throw new Error('their ids differ');
  [orgId, alice, bob] = ofA as [string, string, string];
  a.addMember(alice, { org: orgId }, ['ORG_OWNER']);
  b.addMember(bob, { org: orgId }, ['ORG_OWNER']);
});

let log: ReturnType<typeof recorder>;
beforeEach(() => void (log = recorder()));

const ownsIt = () => role('ORG_OWNER', org(orgId));

function several(ofA: object = {}, ofB: object = {}, ofAll: object = {}): SeveralInstances {
  const instances = [
    { ...a.options(), ...ofA },
    { ...b.options(), ...ofB },
  ] as readonly InstanceOptions[];
  return { instances, logger: log, ...ofAll };
}

const readsOf = (zitadel: ZitadelEmulator) => zitadel.requests('memberships');

/** What a door answers. */
type Ask = (token: string) => Promise<readonly [status: number, text: string]>;

const DOORS: Readonly<Record<string, (options: SeveralInstances) => Promise<Ask>>> = {
  Express: async (options) => {
    const zitadel = createForExpress(options);
    const url = await serve((app) => {
      app.get('/', requireRole(zitadel, 'ORG_OWNER', org(orgId)), (request, response) => {
        const { userId, issuer } = callerOf(request);
        response.json([userId, issuer]);
      });
    });
    return asking(url);
  },
  'Nest on Express': (options) => nest(options, 'express'),
  'Nest on Fastify': (options) => nest(options, 'fastify'),
  GraphQL: async (options) => {
    @Resolver()
    class Owners {
      @Query(() => [String], { nullable: true })
      @RequireRole('ORG_OWNER', org(orgId))
      read(@CurrentCaller() { userId, issuer }: Caller) {
        return [userId, issuer];
      }
    }
    const { ask } = untilTheEnd(
      await startGraphql('Apollo on Express', options as never, [Owners]),
    );
    return async (token) => {
      const { data, errors } = await ask(token, '{ read }');
      const code = errors?.[0]?.extensions?.['errorCode'] as DenyReason | undefined;
      return code === undefined
        ? [200, JSON.stringify(data?.['read'])]
        : [DENIAL[code].status, code];
    };
  },
};

async function nest(options: SeveralInstances, platform: 'express' | 'fastify'): Promise<Ask> {
  @Controller()
  class OwnersController {
    @Get()
    read(@CurrentCaller() { userId, issuer }: Caller) {
      return [userId, issuer];
    }
  }
  RequireRole('ORG_OWNER', org(orgId))(OwnersController);
  const root = {
    imports: [ZitadelModule.forRoot(options)],
    controllers: [OwnersController as Type],
  };
  return asking((await bootWith(root, platform)).url);
}

function asking(url: string): Ask {
  return async (token) => {
    const headers = [['Authorization', `Bearer ${token}`]] as const;
    const { status, text, json } = await speak(url, { path: '/', headers });
    return [status, status === 200 ? text : String(json?.['errorCode'])];
  };
}

describe.each(Object.entries(DOORS))('one route for two instances, at %s', (_name, open) => {
  it('knows each caller as a person of the own instance, though their ids are the same', async () => {
    const ask = await open(several());
    for (const round of ['cold', 'warm']) {
      const answers = [];
      for (const user of [alice, bob]) {
        for (const each of [a, b]) answers.push(await ask(each.tokenFor(user)));
      }
      expect(answers, round).toEqual([
        [200, JSON.stringify([alice, a.issuer])],
        [403, 'role_missing'],
        [403, 'role_missing'],
        [200, JSON.stringify([bob, b.issuer])],
      ]);
    }
  });

  it('refuses what says one thing and is another', async () => {
    const ask = await open(several());
    const claims = (iss: unknown) => ({ claims: { iss } });
    const tokens: Readonly<Record<string, string>> = {
      'signed by A, iss of B': a.tokenFor(bob, claims(b.issuer)),
      'signed by B, iss of A': b.tokenFor(alice, claims(a.issuer)),
      'iss with a slash': a.tokenFor(alice, claims(`${a.issuer}/`)),
      'iss in capitals': a.tokenFor(alice, claims(a.issuer.toUpperCase())),
      'iss as a list': a.tokenFor(alice, claims([a.issuer])),
      'iss as a list of both': a.tokenFor(alice, claims([b.issuer, a.issuer])),
      'no iss': a.tokenFor(alice, claims(undefined)),
      'iss of an object’s own': a.tokenFor(alice, claims('constructor')),
      'another issuer': a.tokenFor(alice, claims('http://127.0.0.1:9')),
      'no payload': `${a.tokenFor(alice).split('.')[0]}..x`,
      'an opaque token': a.opaqueTokenFor(alice),
      'too long': `${a.tokenFor(alice)}${'x'.repeat(9_000)}`,
      'no token': 'x y',
    };
    for (const [name, token] of Object.entries(tokens)) {
      expect([name, ...(await ask(token))]).toEqual([name, 401, 'token_invalid']);
    }
    expect(readsOf(a) + readsOf(b)).toBe(0);
  });

  it('serves the one while the other is down', async () => {
    const ask = await open(several());
    expect((await ask(b.tokenFor(bob)))[0]).toBe(200);
    b.fail('memberships', 503);
    b.fail('keys', 503);
    const elsewhere = b.tokenFor(alice);
    for (let round = 0; round < 5; round += 1) {
      expect(await ask(elsewhere)).toEqual([503, 'unavailable']);
      expect((await ask(a.tokenFor(alice)))[0]).toBe(200);
    }
    expect(log.lines.filter((line) => /unavailable/.test(line)).join('\n')).toContain(b.issuer);
    expect(
      log.lines.filter((line) => /^(?:warn|error).*/.test(line) && line.includes(a.issuer)),
    ).toEqual([]);
  });
});

describe('the log', () => {
  it('says that a token names another issuer, which ones are known, and nothing that could be anything', async () => {
    const library = createZitadel(several());
    const claims = { iss: 'https://elsewhere.example/secret\nerror: forged' };
    expect(await verdict(library, a.tokenFor(alice, { claims }), ownsIt())).toBe('token_invalid');
    expect(log.lines).toEqual([
      `warn: token_invalid: access token: another issuer than those of the option instances (got iss https://elsewhere.example/..., expected one of ${a.issuer}, ${b.issuer}): one of instances must have an issuer that equals the token’s iss exactly`,
    ]);
  });

  it('names the instance in each line', async () => {
    const library = createZitadel(several());
    for (const each of [a, b]) each.fail('memberships', 503);
    await verdict(library, a.tokenFor(alice), ownsIt());
    await verdict(library, b.tokenFor(alice), ownsIt());
    expect(log.lines.map((line) => line.split(': ')[1])).toEqual([a.issuer, b.issuer]);
  });
});

describe('tokens that do not name their instance', () => {
  const secretOf = (each: ZitadelEmulator) => {
    const { clientId, clientSecret } = each.addApiApplication(each.defaultProject);
    return introspection(basic(clientId, clientSecret));
  };

  it('go to the one instance that takes such tokens, and to no other', async () => {
    const library = createZitadel(several({ callers: jwt() }, { callers: [jwt(), userinfo()] }));
    expect(await verdict(library, b.patFor(bob), ownsIt())).toBe('yes');
    expect(await verdict(library, b.opaqueTokenFor(bob), ownsIt())).toBe('yes');
    a.resetRequests();
    expect(await verdict(library, a.patFor(alice), ownsIt())).not.toBe('yes');
    expect(a.requests()).toBe(0);
  });

  it.each([
    ['none', () => several(), 'none of the option instances'],
    [
      'more than one',
      () => several({ callers: secretOf(a) }, { callers: secretOf(b) }),
      'more than one of the option instances',
    ],
  ])('are refused where %s takes them, and sent nowhere', async (_name, options, text) => {
    const library = createZitadel(options());
    expect(await verdict(library, a.patFor(alice), ownsIt())).toBe('token_invalid');
    expect(log.lines.join('\n')).toContain(text);
    expect(a.requests('introspect') + b.requests('introspect')).toBe(0);
  });
});

describe('the same id in two instances', () => {
  it('is two people to services: the caller’s own instance answers', async () => {
    const { authorizer, ...library } = createZitadel(several());
    const [ofA, ofB] = await Promise.all(
      [a, b].map(async (each) => {
        const decision = await decide(library, each.tokenFor(alice), authenticated());
        return decision.caller as Caller;
      }),
    );
    expect([ofA?.issuer, ofB?.issuer]).toEqual([a.issuer, b.issuer]);
    expect(await authorizer.can(ofA as Caller, ownsIt())).toBe(true);
    expect(await authorizer.can(ofB as Caller, ownsIt())).toBe(false);
    expect(await authorizer.lookupResources(ofB as Caller, 'ORG_OWNER')).toMatchObject({
      organizations: [],
    });
    expect(await authorizer.explain(ofA as Caller, ownsIt())).toMatchObject({ allowed: true });
    const { authorizer: onlyB } = library.instances.get(b.issuer) ?? {};
    await expect(onlyB?.can(ofA as Caller, ownsIt())).rejects.toThrow(/another instance/);
    await expect(onlyB?.can(ofB as Caller, ownsIt())).resolves.toBe(false);
  });

  it('says nothing alone, and with its issuer who it is', async () => {
    const reads = (each: ZitadelEmulator) => {
      const reader = each.addServiceUser(`reader ${Math.random()}`);
      each.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
      return { serviceUser: pat(each.patFor(reader)), memberships: { as: 'serviceUser' } };
    };
    const { authorizer } = createZitadel(several(reads(a), reads(b)));
    expect((await errorOf(authorizer.can(alice, ownsIt()))).message).toMatch(
      /does not say whose user it is: pass the Caller/,
    );
    const of = ({ issuer }: ZitadelEmulator) => ({ userId: alice, issuer, claims: {} });
    expect(await authorizer.can(of(a), ownsIt())).toBe(true);
    expect(await authorizer.can(of(b), ownsIt())).toBe(false);
    const nowhere = { userId: alice, issuer: 'https://nowhere.example', claims: {} };
    await expect(authorizer.can(nowhere, ownsIt())).rejects.toThrow(/with one of the issuers/);
  });

  it('is forgotten in one instance, or in all', async () => {
    const library = createZitadel(several());
    const tokens = [a.tokenFor(alice), b.tokenFor(alice)] as const;
    const ask = async () => {
      a.resetRequests();
      b.resetRequests();
      for (const token of tokens) await verdict(library, token, authenticated());
      return [readsOf(a), readsOf(b)];
    };
    expect(await ask()).toEqual([1, 1]);
    expect(await ask()).toEqual([0, 0]);
    await library.instances.get(a.issuer)?.authorizer.evict(alice);
    expect(await ask()).toEqual([1, 0]);
    await library.authorizer.evict(alice);
    expect(await ask()).toEqual([1, 1]);
    await library.authorizer.evictAll();
    expect(await ask()).toEqual([1, 1]);
  });

  it('never meets itself in a shared store with one secret', async () => {
    const sharedCache = new MemoryStore();
    const cache = { shared: { secret: SECRET } };
    const open = () => createZitadel(several({ cache }, { cache }), { sharedCache });
    const ask = async (library: ReturnType<typeof open>) => [
      await verdict(library, a.tokenFor(alice), ownsIt()),
      await verdict(library, b.tokenFor(alice), ownsIt()),
    ];
    expect(await ask(open())).toEqual(['yes', 'role_missing']);
    await settle();
    expect(new Set(sharedCache.rowKeys()).size).toBe(2);
    expect(await ask(open())).toEqual(['yes', 'role_missing']);
  });
});

describe('listeners', () => {
  it('hear the decisions of all instances, and what was refused before one was known', async () => {
    const library = createZitadel(several());
    const heard: string[] = [];
    const end = library.authorizer.onDecision(({ decision }) => {
      heard.push(decision.allowed ? String(decision.caller.issuer) : decision.reason);
    });
    const ask = async () => {
      await verdict(library, a.tokenFor(alice), ownsIt());
      await verdict(library, b.tokenFor(bob), ownsIt());
      await verdict(library, a.opaqueTokenFor(alice), ownsIt());
    };
    await ask();
    end();
    await ask();
    expect(heard).toEqual([a.issuer, b.issuer, 'token_invalid']);
  });
});

describe('project grants and lists', () => {
  it('are asked of one instance', async () => {
    const grants = [a, b].map((each) => {
      const service = each.addServiceUser(`grants ${Math.random()}`);
      each.addMember(service, 'instance', ['IAM_OWNER']);
      return { serviceUser: pat(each.patFor(service)) };
    });
    const library = createZitadel(several(grants[0], grants[1]));
    const project = b.addProject('of b', { org: orgId, roles: ['reader'] }).id;
    const to = b.addOrg('globex').id;
    expect(() => library.projectGrants.list({ projectId: project })).toThrow(
      /asked of one instance: write zitadel\.instances\.get\(issuer\)/,
    );
    expect(() => library.membershipLists.listMine('x')).toThrow(/asked of one instance/);
    const { projectGrants } = library.instances.get(b.issuer) ?? {};
    const made = await projectGrants?.ensure({
      organizationId: orgId,
      projectId: project,
      grantedOrgId: to,
      roleKeys: ['reader'],
    });
    expect(made).toMatchObject({ outcome: 'created' });
  });
});

describe('the option instances', () => {
  const [ofA, ofB] = [
    { issuer: 'https://a.example', audience: '1' },
    { issuer: 'https://b.example', audience: '1' },
  ];
  const list = (...instances: unknown[]) => ({ instances });

  it.each<[string, object, RegExp]>([
    ['is no list', { instances: ofA }, /^instances: got a value of type object; write a list/],
    ['is empty', list(), /^instances: got a list of 0; write a list, at least one/],
    ['is undefined', { instances: undefined }, /^instances: got undefined/],
    ['holds no object', list(ofA, null), /^instances\[1\]: got null; write \{ issuer/],
    ['holds a wrong option', list(ofA, { ...ofB, api: 'v3' }), /^instances\[1\]\.api: got 'v3'/],
    ['lacks an audience', list({ issuer: ofA.issuer }), /^instances\[0\]\.audience: got undefined/],
    ['holds an unknown option', list({ ...ofA, x: 1 }), /^instances\[0\]\.x: there is no such/],
    ['holds instances', list({ ...ofA, instances: [] }), /^instances\[0\]\.instances: there is/],
    [
      'names an issuer twice',
      list(ofA, ofB, ofA),
      /^instances\[2\]\.issuer: got 'https:\/\/a.example'/,
    ],
    [
      'holds what stands beside it',
      list({ ...ofA, token: () => 'x' }),
      /^instances\[0\]\.token: stands once for all; write it beside instances/,
    ],
    [
      'stands beside what stands inside',
      { ...list(ofA), audience: '1' },
      /^audience: stands beside instances; write it into each of instances: beside them stand only logger, telemetry, token, requestProperty$/,
    ],
    ['stands beside an issuer', { ...list(ofB), ...ofA }, /^issuer: stands beside instances/],
    ['stands beside a wrong token', { ...list(ofA), token: 1 }, /^token: got 1; write a function/],
  ])('%s: is refused by name', (_name, options, text) => {
    expect(() => createZitadel(options as SeveralInstances)).toThrow(text);
  });

  it('is named to those who write a list of issuers', () => {
    const options = { issuer: [ofA.issuer, ofB.issuer], audience: '1' };
    expect(() => createZitadel(options as never)).toThrow(
      /^issuer: got a list of 2; write one issuer; several instances or domains stand in the option instances: \[\{ issuer: '\.\.\.', audience: '\.\.\.' \}/,
    );
  });

  it('takes the token from where the application says, and puts the caller where it says', async () => {
    const token = ({ headers }: { headers: object }) => Object(headers)['x-token'] as string;
    const library = createZitadel(several({}, {}, { token, requestProperty: 'user' }));
    expect(library.requestProperty).toBe('user');
    const request = { headers: { 'x-token': b.tokenFor(bob) } };
    const decision = await library.decisions.authorize(
      request,
      library.decisions.prepare(ownsIt()),
    );
    expect(decision).toMatchObject({ allowed: true, caller: { issuer: b.issuer } });
    expect(decisionOf(request)).toBeUndefined();
    const malformed = { headers: { 'x-token': 'x y' } };
    const refused = await library.decisions.authorize(
      malformed,
      library.decisions.prepare(ownsIt()),
    );
    expect(refused).toMatchObject({
      reason: 'token_invalid',
      detail: expect.stringContaining('is not a token') as string,
    });
  });

  it('asks for nothing that one of the instances cannot check', () => {
    const library = createZitadel(several({}, { api: 'v2' }));
    expect(() => library.decisions.prepare(permission('org.read', org(orgId)))).toThrow(
      new RegExp(`at the instance ${b.issuer}`),
    );
  });
});
