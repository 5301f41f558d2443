import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ZitadelOptionsError } from '../lib/core/errors.js';
import { createZitadel } from '../lib/create-zitadel.js';
import { introspection, jwt, userinfo } from '../lib/callers.js';
import type { ZitadelOptions } from '../lib/options.js';
import { resolveOptions } from '../lib/validate-options.js';
import { basic, clientCredentials, key, keyFile, pat } from '../lib/zitadel/credentials.js';

const RIGHT = { issuer: 'https://acme.example', audience: '100000000000000001' };
const AS_SERVICE_USER = {
  serviceUser: pat('a-token'),
  memberships: { as: 'serviceUser', organizations: ['1'] },
};
const CANARY = 'canary-that-is-secret';
const API = basic('1', 'a-secret');

type Loose = Readonly<Record<string, unknown>>;

/** The error that these options lead to, put over the right ones. */
function errorOf(given: Loose): ZitadelOptionsError {
  return errorOfAll({ ...RIGHT, ...given });
}

function errorOfAll(options: unknown): ZitadelOptionsError {
  try {
    createZitadel(options as ZitadelOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(ZitadelOptionsError);
    return error as ZitadelOptionsError;
  }
  throw new Error('these options were accepted');
}

function accepted(given: Loose): ReturnType<typeof resolveOptions> {
  return resolveOptions({ ...RIGHT, ...given } as ZitadelOptions);
}

const WRONG_FOR_ALL = [undefined, null, '', Number.NaN, [], Symbol('s'), 7n];
const NO_FUNCTION = [{}, 'text', 1, true];
const NO_NUMBER = ['60', {}, true, -1, Infinity];

/** What each option refuses, besides what every one refuses. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  issuer: [
    'https://acme.example/',
    'https://acme.example/path',
    'https://acme.example?x=1',
    'https://acme.example#x',
    'https://ACME.example',
    'https://acme.example:443/',
    'https://acme.example:0443',
    'https://ACME.example:443',
    ' https://acme.example',
    'https://user@acme.example',
    'acme.example',
    'ftp://acme.example',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http://acme.example',
    'http://127.0.0.1.acme.example',
    'http://localhost.acme.example',
    {},
    1,
    new URL('https://acme.example'),
  ],
  internalUrl: ['http://zitadel:8080/', 'zitadel:8080', 'http://zitadel:8080/path', {}, 1, true],
  audience: [[''], ['1', 2], [undefined], [['1']], {}, 1, true],
  callers: [
    'jwt',
    {},
    { type: 'opaque' },
    1,
    true,
    jwt,
    introspection,
    userinfo,
    { type: 'introspection' },
    { type: 'introspection', credential: 'api.json' },
    { type: 'userinfo', credential: API },
    introspection(undefined as never),
    introspection({ type: 'basic', clientId: '1', clientSecret: 'x' } as never),
    [jwt()],
    [userinfo()],
    [jwt(), jwt()],
    [introspection(API), userinfo()],
    [jwt(), introspection(API), userinfo()],
    [jwt(), jwt(), userinfo()],
    [jwt(), undefined],
    [jwt(), () => undefined],
    [jwt(), 'userinfo'],
    [jwt(), {}],
    [jwt(), [userinfo()]],
    [jwt(), introspection(undefined as never)],
    [jwt({ recheckMs: 1 }), userinfo()],
  ],
  memberships: ['caller', { as: 'both' }, {}, 1, true],
  api: ['v3', 'V1', 1, true, {}, ['v1']],
  projectId: ['app', '1/2', '1'.repeat(201), 1, true, {}, ['1']],
  projectRoles: ['claims', 'API', 1, true, {}, ['api']],
  serviceUser: ['./service-user.json', { type: 'pat', token: 'x' }, {}, 1, () => pat('x')],
  cache: ['memory', 1, true],
  redis: ['redis://localhost', {}, { publish: 1 }, { publish: () => undefined }],
  events: [
    'a signing key that stands one level too high',
    1,
    true,
    ...[[], '', ' ', undefined, null, 1, {}, [''], [' '], ['key', undefined], ['key', ' key']].map(
      (signingKeys) => ({ signingKeys }),
    ),
    ...[undefined, '', 'events', '/', '/a/', '/a b', '/a?b', '//a', '/:a', 1, []].map((path) => ({
      path,
    })),
    ...[undefined, true, 'pat'].map((tail) => ({ tail })),
  ],
  hierarchy: [
    'none',
    1,
    true,
    { ORG_OWNER: 'ORG_OWNER_VIEWER' },
    { ORG_OWNER: ['OWNER'] },
    { OWNER: ['ORG_OWNER'] },
    { ORG_OWNER: [''] },
    { ORG_OWNER: [1] },
  ],
  projectOwner: NO_FUNCTION,
  idPattern: ['[0-9]+', {}, 1, true, /[0-9]+/g, /[0-9]+/y, /[0-9]+/m],
  timeoutMs: [...NO_NUMBER, 0, 60_001],
  budgetMs: [...NO_NUMBER, 0, 120_001],
  clockToleranceMs: [...NO_NUMBER, -1, 300_001],
  fetch: NO_FUNCTION,
  logger: [{}, 'console', 1, true, { debug() {}, log() {}, warn() {} }, { ...console, warn: 1 }],
  telemetry: NO_FUNCTION,
  allowHttp: ['true', 1, {}],
  allowImpersonation: ['true', 1, {}],
  token: NO_FUNCTION,
  requestProperty: [
    ...['headers', 'params', 'query', 'body', 'raw', 'url', 'method', 'socket', 'session', 'res'],
    ...['__proto__', 'constructor', 'toString', 'on', 'pipe', '_events', '_x', 'a b', 'a.b', '1a'],
    ...['u'.repeat(101), 1, true, {}, ['user']],
  ],
};
const EMPTY_TABLE = 'an empty table is as good as exact';

describe('each option', () => {
  it.each(
    Object.entries(WRONG).flatMap(([option, values]) =>
      [...WRONG_FOR_ALL, ...values].map((value): [string, unknown] => [option, value]),
    ),
  )('%s refuses %o, and says what it got and what to write', (option, value) => {
    const error = errorOf({ [option]: value });
    expect(error.code).toBe('options_invalid');
    expect(error.option.split('.')[0]).toBe(option);
    expect(error.message).toMatch(new RegExp(`^${error.option}: got .+; write .+`, 's'));
  });

  it('is known: there is a row above for every one, and none besides', () => {
    const { message } = errorOf({ surely: 1 });
    const known = message.slice(message.indexOf('one of ') + 7).split(', ');
    expect(known.toSorted()).toEqual(Object.keys(WRONG).toSorted());
  });

  it(EMPTY_TABLE, () => {
    expect(accepted({ hierarchy: {} }).hierarchy).toEqual({});
    expect(accepted({ hierarchy: 'exact' }).hierarchy).toEqual({});
  });
});

describe('the options of the cache', () => {
  const SHARED = [undefined, null, '', 'secret', true, 1, [], {}, { other: 1 }];
  const NO_BYTES = [
    undefined,
    null,
    '',
    '60',
    Number.NaN,
    -1,
    0,
    1_048_575,
    Infinity,
    [],
    {},
  ].concat([2 ** 20 + 0.5, 2 ** 20 * 1.000_001, 5_000_000.25]);
  it.each<[string, unknown]>([
    ...[undefined, null, '', '60', Number.NaN, -1, Infinity, 3_600_001, [], {}].flatMap(
      (value): [string, unknown][] => [
        ['ttlMs', value],
        ['denialMs', value],
      ],
    ),
    ...NO_BYTES.map((value): [string, unknown] => ['maxBytes', value]),
    ...SHARED.map((value): [string, unknown] => ['shared', value]),
  ])('%s refuses %o, and says what it got and what to write', (option, value) => {
    const error = errorOf({ cache: { [option]: value } });
    expect(error.option).toBe(`cache.${option}`);
    expect(error.message).toMatch(/^cache\.\w+: got .+; write .+/);
  });

  it.each([
    undefined,
    null,
    '',
    'short',
    'x'.repeat(31),
    1,
    true,
    {},
    [],
    ['short'],
    ['x'.repeat(32), 1],
  ])('shared.secret refuses %o', (secret) => {
    const error = errorOf({ cache: { shared: { secret } } });
    expect(error.option).toBe('cache.shared.secret');
    expect(error.message).toMatch(/^cache\.shared\.secret: got .+; write .+/);
  });

  it('take their defaults where they are left out', () => {
    expect(accepted({})).toMatchObject({
      ttlMs: 30_000,
      denialMs: 2_000,
      maxBytes: 64 * 1_048_576,
      shared: undefined,
      timeoutMs: 3_000,
      budgetMs: 5_000,
      clockToleranceMs: 5_000,
      allowImpersonation: false,
    });
    expect(accepted({ cache: { ttlMs: 0, denialMs: 0, shared: false } })).toMatchObject({
      ttlMs: 0,
      denialMs: 0,
      shared: undefined,
    });
    expect(accepted({ cache: { shared: { secret: false } } }).shared).toEqual({ secret: false });
    const secret = ['n'.repeat(32), 'o'.repeat(32)] as const;
    expect(accepted({ cache: { shared: { secret } } }).shared).toEqual({ secret });
  });

  it('say how to register CACHE_MANAGER where shared is set and none is visible', () => {
    const error = errorOf({ cache: { shared: { secret: 'x'.repeat(32) } } });
    expect(error.option).toBe('cache.shared');
    expect(error.message).toContain('CacheModule.register({ isGlobal: true })');
    expect(error.message).toContain('createZitadel(options, { sharedCache })');
  });
});

describe('a signing key', () => {
  it('is not shown in the place of another option either', () => {
    const key = 'IM1I0ch5b7XIV8Uv1pVN0qYl6e378GRMskJv';
    for (const option of ['issuer', 'projectId', 'hierarchy', 'api']) {
      expect(errorOf({ [option]: key }).message).not.toContain(key);
    }
  });

  it.each([
    { signingKeys: ' a key that must stay secret ' },
    { signingKeys: ['key', ' a key that must stay secret '] },
    'a key that must stay secret',
    { path: 'a key that must stay secret' },
  ])('is never shown (%#)', (events) => {
    expect(errorOf({ events }).message).not.toContain('must stay secret');
  });

  it.each<[string, Loose, RegExp]>([
    ['that is empty', { signingKeys: '' }, /is an environment variable empty\?$/],
    [
      'that is missing beside a path',
      { path: '/x' },
      /write events\.signingKeys too: without them/,
    ],
    ['with a path that has a parameter', { signingKeys: 'key', path: '/x/:id' }, /no parameters/],
  ])('%s is an error that says what to write', (_what, events, text) => {
    expect(errorOf({ events }).message).toMatch(text);
  });

  it('may be one or several', () => {
    for (const signingKeys of ['key', ['new', 'old']]) {
      expect(accepted({ events: { signingKeys } }).events).toEqual({ signingKeys });
    }
  });
});

describe('an unknown key', () => {
  it.each<[string, Loose]>([
    ['issuerUrl', { issuerUrl: 'https://acme.example' }],
    ['cache.ttl', { cache: { ttl: 1 } }],
    ['events.signingKey', { events: { signingKey: 'key' } }],
    ['cache.shared.key', { cache: { shared: { secret: 'x'.repeat(32), key: 1 } } }],
    ['memberships.organizations', { memberships: { as: 'caller', organizations: ['1'] } }],
    [
      'memberships.orgs',
      { ...AS_SERVICE_USER, memberships: { ...AS_SERVICE_USER.memberships, orgs: ['1'] } },
    ],
    ['__proto__x', { ['__proto__x']: 1 }],
    ['toString', { toString: () => '' }],
  ])('%s is refused by its name', (option, given) => {
    const error = errorOf(given);
    expect(error.option).toBe(option);
    expect(error.message.startsWith(`${option}: `)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['jwt', jwt({ recheck: 1 } as never)],
    ['introspection', introspection(API, { recheck: 1 } as never)],
    ['introspection', introspection(API, { recheck: undefined } as never)],
    ['userinfo', userinfo({ recheck: 1 } as never)],
    ['userinfo', [jwt(), userinfo({ recheck: 1 } as never)]],
    ['introspection', [jwt(), introspection(API, { recheck: 1 } as never)]],
    ['jwt', [jwt({ recheck: 1 } as never), userinfo()]],
  ])('of %s() is refused by its name (%#)', (way, callers) => {
    const error = errorOf({ callers });
    expect(error.option).toBe('callers');
    expect(error.message).toMatch(new RegExp(`\\b${way}\\b.*\\brecheck\\b`));
  });
});

describe('the options as a whole', () => {
  it.each([undefined, null, '', 'https://acme.example', 1, [], () => RIGHT])(
    'are an object: %o is refused',
    (options) => {
      const error = errorOfAll(options);
      expect(error.option).toBe('options');
      expect(error.message).toMatch(/^options: got .+; write .+/);
    },
  );

  it('name issuer where it is left out', () => {
    expect(errorOfAll({ audience: '1' }).option).toBe('issuer');
  });

  it('name audience where it is left out with jwt()', () => {
    const error = errorOfAll({ issuer: RIGHT.issuer });
    expect(error.option).toBe('audience');
    expect(error.message).toContain('required with jwt()');
  });

  it('are frozen once resolved, and take an audience as a string or a list', () => {
    expect(Object.isFrozen(accepted({}))).toBe(true);
    expect(accepted({ audience: '1' }).audience).toEqual(['1']);
    expect(accepted({ audience: ['1', '2'] }).audience).toEqual(['1', '2']);
  });
});

describe('what a class has as an accessor', () => {
  class Settings {
    readonly issuer = RIGHT.issuer;
    readonly audience = RIGHT.audience;
    get budgetMs(): unknown {
      return 10_000;
    }
  }
  class Wrong extends Settings {
    override get budgetMs(): unknown {
      return '5 seconds';
    }
  }
  class WrongCache {
    get ttlMs(): unknown {
      return Number.NaN;
    }
  }

  it('is used', () => {
    expect(resolveOptions(new Settings() as ZitadelOptions)).toMatchObject({ budgetMs: 10_000 });
  });

  it('is checked like everything else', () => {
    expect(errorOfAll(new Wrong()).option).toBe('budgetMs');
    expect(errorOf({ cache: new WrongCache() }).option).toBe('cache.ttlMs');
  });
});

describe('an issuer with the port that its scheme implies', () => {
  it.each(['https://acme.example:443', 'http://localhost:80'])('is kept as it is: %s', (issuer) => {
    expect(accepted({ issuer }).issuer).toBe(issuer);
  });
});

describe('a value that nobody filled in', () => {
  it.each<[Loose, RegExp]>([
    [
      { issuer: undefined },
      /^issuer: got undefined; write an origin.*; is an environment variable not set\?$/,
    ],
    [
      { projectId: '' },
      /^projectId: got an empty string; write .*; is an environment variable empty\?$/,
    ],
    [
      { issuer: 'https://undefined' },
      /^issuer: got 'https:\/\/undefined'; write your own value; is an/,
    ],
    [{ issuer: 'https://undefined.zitadel.cloud' }, /^issuer: .*; write your own value; is an/],
    [{ audience: 'undefined' }, /^audience: got 'undefined'; write your own value; is an/],
    [
      { audience: '<project id>' },
      /^audience: got '<project id>'; write your own value; this is a placeholder/,
    ],
    [
      { callers: userinfo() },
      /^audience: got '1\d+'; write no audience: userinfo\(\) does not show/,
    ],
    [{ audience: ['1', '<client id>'] }, /^audience: got a list of 2; .*; this is a placeholder/],
    [{ projectId: '<project id>' }, /^projectId: got '<project id>'; .*; this is a placeholder/],
    [{ issuer: 'https://<your instance>' }, /^issuer: got .*; this is a placeholder/],
    [
      { callers: jwt({ clients: ['<client id>'] }) },
      /^callers: got .*; write jwt\(\{ clients \}\) .*: this is a placeholder/,
    ],
    [
      { callers: jwt({ clients: [undefined as never] }) },
      /^callers: got .*; write jwt\(\{ clients \}\) .*: is an environment variable not set\?/,
    ],
  ])('is named as what it is: %j', (given, message) => {
    expect(errorOf(given).message).toMatch(message);
  });

  it.each<[string, () => unknown]>([
    ['pat', () => pat(undefined as never)],
    ['key', () => key(undefined as never)],
    ['keyFile', () => keyFile(undefined as never)],
    ['basic', () => basic('1', undefined as never)],
    ['clientCredentials', () => clientCredentials(undefined as never, 's')],
  ])('is asked about in a credential: %s', (_name, make) => {
    expect(make).toThrow(/is an environment variable not set\?/);
  });

  it('is not a secret in brackets, which is not repeated', () => {
    expect(() => basic('<client id>', CANARY)).toThrow(/this is a placeholder/);
    const credential = basic('1', `a<${CANARY}>`);
    expect(accepted({ callers: introspection(credential) }).callers).toMatchObject({ credential });
  });
});

describe('plain http', () => {
  it.each([
    'http://localhost',
    'http://localhost:8080',
    'http://127.0.0.1:8080',
    'http://127.9.9.9',
    'http://[::1]:8080',
  ])('is allowed to this host: %s', (issuer) => {
    expect(accepted({ issuer }).issuer).toBe(issuer);
  });

  it.each(['http://acme.example', 'http://10.0.0.1', 'http://0.0.0.0', 'http://[::2]'])(
    'is refused elsewhere, unless allowHttp says so: %s',
    (issuer) => {
      expect(errorOf({ issuer }).message).toContain('allowHttp: true');
      expect(errorOf({ issuer, allowHttp: false }).option).toBe('issuer');
      expect(accepted({ issuer, allowHttp: true }).issuer).toBe(issuer);
    },
  );

  it('is allowed to internalUrl, whatever the issuer', () => {
    const internalUrl = 'http://zitadel:8080';
    expect(accepted({ internalUrl }).internalUrl).toBe(internalUrl);
    expect(accepted({ internalUrl, issuer: 'http://acme.example' }).internalUrl).toBe(internalUrl);
  });
});

describe('options that are right each on its own', () => {
  it.each<[string, string, Loose]>([
    ['audience', 'a function in callers with an audience', { callers: () => undefined }],
    ['budgetMs', 'a budget below the timeout', { timeoutMs: 2_000, budgetMs: 1_999 }],
    ['budgetMs', 'a timeout above the default budget', { timeoutMs: 6_000 }],
    [
      'serviceUser',
      'memberships as a service user that is not given',
      { memberships: AS_SERVICE_USER.memberships },
    ],
    ...[undefined, [], ['x'], [''], ['1', 2], '1', ['1'.repeat(201)], {}].map(
      (organizations): [string, string, Loose] => [
        'memberships.organizations',
        `organizations that cannot be asked (${JSON.stringify(organizations)})`,
        { ...AS_SERVICE_USER, memberships: { as: 'serviceUser', organizations } },
      ],
    ),
    [
      'memberships.organizations',
      'organizations with API v2, which reads them all',
      { ...AS_SERVICE_USER, api: 'v2' },
    ],
    [
      'memberships.organizations',
      'no organizations with API v1, which reads one a call',
      { ...AS_SERVICE_USER, memberships: { as: 'serviceUser' }, api: 'v1' },
    ],
    ['projectId', 'a project that does not match the pattern', { projectId: 'portal' }],
    ['serviceUser', 'project roles by the API without one', { projectRoles: 'api' }],
    ['serviceUser', 'states without one', { memberships: { as: 'caller', inactive: 'deny' } }],
    ...[undefined, true, 'Deny', null].map((inactive): [string, string, Loose] => [
      'memberships.inactive',
      `another setting (${String(inactive)})`,
      { memberships: { as: 'caller', inactive }, serviceUser: pat('x') },
    ]),
    [
      'projectRoles',
      'project roles by API v1, which calls inactive ones active',
      { projectRoles: 'api', serviceUser: pat('x'), api: 'v1' },
    ],
    ['allowImpersonation', 'impersonation as the caller', { allowImpersonation: true }],
    ['allowImpersonation', 'the same per route', { allowImpersonation: 'perRoute' }],
    ['callers', 'recheckMs as the caller', { callers: jwt({ recheckMs: 5_000 }) }],
    ['callers', 'recheckMs: false as the caller', { callers: jwt({ recheckMs: false }) }],
    [
      'callers',
      'recheckMs in a list, as the caller',
      { callers: [jwt({ recheckMs: 5_000 }), userinfo()] },
    ],
    [
      'callers',
      'clients beside introspection()',
      { callers: [jwt({ clients: ['1'] }), introspection(API)] },
    ],
    ['callers', 'clients beside userinfo()', { callers: [userinfo(), jwt({ clients: ['1'] })] }],
    ...[undefined, null, '', '1', [], [''], [1], ['1', undefined], {}].map(
      (clients): [string, string, Loose] => [
        'callers',
        `clients that are ${JSON.stringify(clients)}`,
        { callers: jwt({ clients } as never) },
      ],
    ),
    ['audience', 'userinfo() with an audience', { callers: userinfo() }],
    [
      'callers',
      'userinfo() in a list, with the service user',
      { ...AS_SERVICE_USER, callers: [jwt(), userinfo()] },
    ],
    [
      'allowImpersonation',
      'userinfo() with impersonation',
      { callers: [jwt(), userinfo()], allowImpersonation: true },
    ],
    [
      'allowImpersonation',
      'userinfo() with impersonation per route',
      { callers: [jwt(), userinfo()], allowImpersonation: 'perRoute' },
    ],
    ...[undefined, null, '', Number.NaN, 999, 3_600_001, true, '5000'].map(
      (recheckMs): [string, string, Loose] => [
        'callers',
        `a recheckMs of ${String(recheckMs)}`,
        { ...AS_SERVICE_USER, callers: jwt({ recheckMs } as never) },
      ],
    ),
  ])('%s is refused for %s', (option, _what, given) => {
    const error = errorOf(given);
    expect(error.option).toBe(option);
    expect(error.message).toMatch(new RegExp(`^${option}: got .+; write .+`));
  });

  it.each<[string, Loose]>([
    ['a function of the token without an audience', { callers: () => undefined }],
    ['the service user with a list of organizations', { ...RIGHT, ...AS_SERVICE_USER }],
    [
      'the service user over all organizations',
      { ...RIGHT, ...AS_SERVICE_USER, memberships: { as: 'serviceUser' } },
    ],
    [
      'the service user over all organizations by API v2',
      { ...RIGHT, ...AS_SERVICE_USER, memberships: { as: 'serviceUser' }, api: 'v2' },
    ],
    ['a project', { ...RIGHT, projectId: '1' }],
    ['clients', { ...RIGHT, callers: jwt({ clients: ['1', '2@app'] }) }],
    ['a property of the request', { ...RIGHT, requestProperty: 'user' }],
    ['a longer property of the request', { ...RIGHT, requestProperty: '$'.repeat(100) }],
    ['inactive as ZITADEL', { ...RIGHT, memberships: { as: 'caller', inactive: 'asZitadel' } }],
    [
      'inactive denied',
      { ...RIGHT, memberships: { as: 'caller', inactive: 'deny' }, serviceUser: pat('x') },
    ],
    ['project roles by the API', { ...RIGHT, projectRoles: 'api', serviceUser: pat('x') }],
    [
      'the service user with a function of them',
      {
        ...RIGHT,
        ...AS_SERVICE_USER,
        memberships: { as: 'serviceUser', organizations: () => Promise.resolve(['1']) },
      },
    ],
    [
      'the service user with recheckMs and impersonation',
      {
        ...RIGHT,
        ...AS_SERVICE_USER,
        callers: jwt({ recheckMs: false }),
        allowImpersonation: true,
      },
    ],
  ])('are accepted together: %s', (_what, given) => {
    expect(() =>
      createZitadel({ issuer: RIGHT.issuer, ...given } as unknown as ZitadelOptions),
    ).not.toThrow();
  });
});

describe('callers that are asked about', () => {
  const { issuer } = RIGHT;
  const pem = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
  const file = { keyId: '1', key: pem.export({ type: 'pkcs1', format: 'pem' }) };
  const ofApplication = key({ ...file, type: 'application', clientId: '2' });
  const ofServiceUser = key({ ...file, type: 'serviceaccount', userId: '3' });
  const impersonated = { ...AS_SERVICE_USER, allowImpersonation: true };

  it.each<[string, Loose]>([
    ['introspection() without an audience', { callers: introspection(API) }],
    ['introspection() with an audience', { ...RIGHT, callers: introspection(API) }],
    ['introspection() with a key', { callers: introspection(ofApplication) }],
    ['introspection() with the service user', { ...impersonated, callers: introspection(API) }],
    [
      'introspection() with impersonation per route',
      { ...impersonated, callers: introspection(API), allowImpersonation: 'perRoute' },
    ],
    ['userinfo()', { callers: userinfo() }],
    ['jwt() and introspection()', { ...RIGHT, callers: [jwt(), introspection(API)] }],
    ['introspection() and jwt()', { ...RIGHT, callers: [introspection(API), jwt()] }],
    ['jwt() and userinfo()', { ...RIGHT, callers: [jwt(), userinfo()] }],
    [
      'jwt({ recheckMs }) and introspection() with the service user',
      { ...RIGHT, ...impersonated, callers: [jwt({ recheckMs: 5_000 }), introspection(API)] },
    ],
  ])('are accepted: %s', (_what, given) => {
    expect(() => createZitadel({ issuer, ...given } as ZitadelOptions)).not.toThrow();
  });

  it.each<[string, string, Loose, string]>([
    [
      'audience',
      'jwt() and introspection() without an audience',
      { callers: [jwt(), introspection(API)] },
      'required with jwt()',
    ],
    [
      'audience',
      'jwt() and userinfo() without an audience',
      { callers: [jwt(), userinfo()] },
      'required with jwt()',
    ],
    [
      'callers',
      'userinfo() with the service user',
      { ...AS_SERVICE_USER, callers: userinfo() },
      "memberships: { as: 'caller' }",
    ],
    [
      'callers',
      'the key of a service user for introspection()',
      { callers: introspection(ofServiceUser) },
      'the key of a service user',
    ],
    [
      'callers',
      'the key of a service user for introspection() in a list',
      { ...RIGHT, callers: [jwt(), introspection(ofServiceUser)] },
      'the key of a service user',
    ],
    [
      'callers',
      'client credentials for introspection()',
      { callers: introspection(clientCredentials('svc', CANARY) as never) },
      'basic(clientId, clientSecret)',
    ],
    [
      'callers',
      'a personal access token for introspection()',
      { callers: introspection(pat(CANARY) as never) },
      'basic(clientId, clientSecret)',
    ],
    [
      'serviceUser',
      'the key of an application for the service user',
      { ...RIGHT, serviceUser: ofApplication },
      'this is the key of an application',
    ],
    [
      'serviceUser',
      'basic() for the service user',
      { ...RIGHT, ...AS_SERVICE_USER, serviceUser: basic('1', CANARY) },
      'clientCredentials(id, secret)',
    ],
  ])('%s is refused for %s', (option, _what, given, write) => {
    const error = errorOfAll({ issuer, ...given });
    expect(error.option).toBe(option);
    expect(error.message.startsWith(`${option}: `)).toBe(true);
    expect(error.message).toContain(write);
    expect(error.message).not.toContain(CANARY);
    // Before anything is built of them.
    expect(() => resolveOptions({ issuer, ...given } as ZitadelOptions)).toThrow(error.message);
  });

  it('are frozen, and show nothing of what they are asked about with', () => {
    for (const callers of [jwt(), introspection(basic('1', CANARY)), userinfo()]) {
      expect(Object.isFrozen(callers)).toBe(true);
      expect(inspect(callers, { depth: null, showHidden: true })).not.toContain(CANARY);
      expect(JSON.stringify(callers)).not.toContain(CANARY);
    }
  });
});

describe('a secret', () => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  const places: readonly [string, Loose][] = [
    ['serviceUser', { serviceUser: CANARY }],
    ['serviceUser', { serviceUser: { type: 'pat', token: CANARY } }],
    ['serviceUser', { serviceUser: pem.toString() + CANARY }],
    ['serviceUser', { serviceUser: [CANARY] }],
    ['token', { token: CANARY }],
    ['cache.shared', { cache: { shared: CANARY } }],
    ['cache.shared', { cache: { shared: [CANARY] } }],
    ['cache.shared.secret', { cache: { shared: { secret: CANARY } } }],
    ['cache.shared.secret', { cache: { shared: { secret: [CANARY] } } }],
    ['clientSecret', { clientSecret: CANARY }],
    ['cache.secret', { cache: { secret: CANARY } }],
    ['issuer', { issuer: `https://user:${CANARY}@acme.example` }],
    ['internalUrl', { internalUrl: `http://user:${CANARY}@zitadel:8080` }],
    ['callers', { callers: { type: 'introspection', secret: CANARY } }],
    ['callers', { callers: { type: 'introspection', credential: CANARY } }],
    ['callers', { callers: [jwt(), { type: 'introspection', credential: CANARY }] }],
    ['callers', { callers: [CANARY, CANARY] }],
    ['memberships', { memberships: { as: CANARY } }],
  ];
  it.each(places)('given as %s is never repeated (%#)', (option, given) => {
    const error = errorOf(given);
    expect(error.option).toBe(option);
    for (const text of [error.message, error.stack, JSON.stringify(error), String(error)]) {
      expect(text).not.toContain(CANARY);
    }
  });
});

describe('what an error quotes', () => {
  /** As long as ZITADEL makes client secrets. */
  const SECRET = 'canary0123456789'.repeat(4);

  it.each([
    ['issuer', SECRET],
    ['issuer', `https://acme.example/?token=${SECRET}`],
    ['internalUrl', SECRET],
    ['projectId', SECRET],
    ['api', SECRET],
    ['idPattern', SECRET],
  ])('is no secret that stands in %s by mistake (%#)', (option, wrong) => {
    const error = errorOf({ [option]: wrong });
    expect(error.option).toBe(option);
    expect(inspect(error)).not.toContain(SECRET.slice(0, 20));
  });

  it('is a wrong address, as far as it helps', () => {
    const quoted = "got 'https://acme.example/'";
    expect(errorOf({ issuer: 'https://acme.example/' }).message).toContain(quoted);
    const long = `https://a-very-long-name-of-an-instance.zitadel.cloud`;
    const { message } = errorOf({ issuer: `${long}/path` });
    expect(message).toContain(`got '${long}' with more around it`);
  });
});
