// Checked by the compiler, never run: what must and what must not compile.
import {
  clientCredentials,
  jwt,
  key,
  keyFile,
  pat,
  ZitadelModule,
  type ZitadelModuleOptions,
  type ZitadelOptions,
  type ZitadelRootOptions,
} from '../../lib/index.js';
import { createZitadel } from '../../lib/express/index.js';
import { ZitadelEmulator } from '../../lib/testing/index.js';

const issuer = 'https://acme.zitadel.cloud';
const environment: Readonly<Record<string, string | undefined>> = {};

/** Right ones. */
export const right: readonly ZitadelOptions[] = [
  { issuer, audience: '1' },
  { issuer, audience: ['1', '2'] },
  { issuer, audience: ['1'] as const, callers: jwt() },
  { issuer, audience: '1', callers: jwt({ clients: ['1', '2'] }), requestProperty: 'user' },
  { issuer, callers: (token) => ({ userId: token, claims: {} }) },
  { issuer, callers: () => Promise.resolve(undefined) },
  { issuer, callers: () => null },
  { issuer, audience: '1', memberships: { as: 'caller' } },
  {
    issuer,
    audience: '1',
    callers: jwt({ recheckMs: false }),
    serviceUser: keyFile('./service-user.json'),
    memberships: { as: 'serviceUser', organizations: ['1'] },
    allowImpersonation: true,
  },
  {
    issuer,
    audience: '1',
    serviceUser: pat('x'),
    memberships: { as: 'serviceUser', organizations: () => Promise.resolve(['1']) },
  },
  { issuer, audience: '1', cache: { shared: { secret: 'x' } } },
  { issuer, audience: '1', cache: { shared: { secret: false } } },
  { issuer, audience: '1', cache: { shared: false, ttlMs: 1, maxBytes: 1 } },
  { issuer, audience: '1', hierarchy: 'exact' },
  { issuer, audience: '1', hierarchy: { ORG_OWNER: ['ORG_OWNER_VIEWER'] } },
  { issuer, audience: '1', idPattern: /[a-z]+/, timeoutMs: 1, budgetMs: 2, allowHttp: true },
  { issuer, audience: '1', clockToleranceMs: 0 },
  { issuer, audience: '1', internalUrl: 'http://zitadel:8080', logger: console },
  { issuer, audience: '1', fetch: globalThis.fetch },
  { issuer, audience: '1', token: (request) => request.headers['x-token'] as string | undefined },
  { issuer, audience: '1', projectRoles: 'api', serviceUser: pat('x') },
  { issuer, audience: '1', projectOwner: () => Promise.resolve(undefined) },
  { issuer, audience: '1', serviceUser: clientCredentials('a', 'b') },
  { issuer, audience: '1', serviceUser: key({ type: 'serviceaccount' }) },
];

/** An option is there or it is not: a variable of the environment that is missing must not pass for one. */
export const undefinedOptions = (): readonly ZitadelOptions[] => [
  // @ts-expect-error issuer
  { issuer: environment['ISSUER'], audience: '1' },
  // @ts-expect-error audience
  { issuer, audience: environment['AUDIENCE'] },
  // @ts-expect-error internalUrl
  { issuer, audience: '1', internalUrl: environment['URL'] },
  // @ts-expect-error memberships
  { issuer, audience: '1', memberships: undefined },
  // @ts-expect-error memberships.organizations
  { issuer, audience: '1', memberships: { as: 'serviceUser', organizations: undefined } },
  // @ts-expect-error api
  { issuer, audience: '1', api: environment['API'] },
  // @ts-expect-error cache
  { issuer, audience: '1', cache: undefined },
  // @ts-expect-error cache.ttlMs
  { issuer, audience: '1', cache: { ttlMs: undefined } },
  // @ts-expect-error cache.shared.secret
  { issuer, audience: '1', cache: { shared: { secret: environment['SECRET'] } } },
  // @ts-expect-error serviceUser
  { issuer, audience: '1', serviceUser: undefined },
  // @ts-expect-error callers
  { issuer, audience: '1', callers: undefined },
  // @ts-expect-error jwt({ recheckMs })
  { issuer, audience: '1', callers: jwt({ recheckMs: undefined }) },
];

/** Wrong ones. */
export const wrong = (): readonly ZitadelOptions[] => [
  // @ts-expect-error nothing
  {},
  // @ts-expect-error an unknown option
  { issuer, audience: '1', isuer: issuer },
  // @ts-expect-error an unknown option of the cache
  { issuer, audience: '1', cache: { ttl: 1 } },
  // @ts-expect-error an unknown setting
  { issuer, audience: '1', callers: jwt({ recheck: 1 }) },
  // @ts-expect-error no client
  { issuer, audience: '1', callers: jwt({ clients: [] }) },
  // @ts-expect-error a number as a name
  { issuer, audience: '1', requestProperty: 1 },
  // @ts-expect-error shared without a secret
  { issuer, audience: '1', cache: { shared: true } },
  // @ts-expect-error shared with an empty object
  { issuer, audience: '1', cache: { shared: {} } },
  // @ts-expect-error secret: true
  { issuer, audience: '1', cache: { shared: { secret: true } } },
  // @ts-expect-error another reader
  { issuer, audience: '1', memberships: { as: 'both' } },
  // @ts-expect-error another generation
  { issuer, audience: '1', api: 'v3' },
  // @ts-expect-error a number as the project
  { issuer, audience: '1', projectId: 1 },
  // @ts-expect-error project roles from elsewhere
  { issuer, audience: '1', projectRoles: 'claims' },
  // @ts-expect-error organizations with the caller
  { issuer, audience: '1', memberships: { as: 'caller', organizations: ['1'] } },
  // @ts-expect-error a path as the service user
  { issuer, audience: '1', serviceUser: './service-user.json' },
  // @ts-expect-error an object that looks like a credential
  { issuer, audience: '1', serviceUser: { type: 'pat', token: 'x' } },
  // @ts-expect-error another hierarchy
  { issuer, audience: '1', hierarchy: 'flat' },
  // @ts-expect-error a text as a pattern
  { issuer, audience: '1', idPattern: '[0-9]+' },
  // @ts-expect-error a text as milliseconds
  { issuer, audience: '1', timeoutMs: '5000' },
  // @ts-expect-error a caller without a user id
  { issuer, callers: () => ({ claims: {} }) },
  // @ts-expect-error half a logger
  { issuer, audience: '1', logger: { debug: console.debug } },
];

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** On hover, `forRoot` shows the name of its options. */
export const named: Same<Parameters<typeof ZitadelModule.forRoot>[0], ZitadelRootOptions> = true;

/** The same at the doors. */
export const doors = async () => {
  const options: ZitadelModuleOptions = { issuer, audience: '1', strict: true };
  ZitadelModule.forRoot(options);
  ZitadelModule.forRoot({ ...options, isGlobal: false });
  ZitadelModule.forRootAsync({ useFactory: () => options });
  ZitadelModule.forRootAsync({
    inject: ['X'],
    useFactory: (x: string) => ({ issuer: x, audience: x }),
  });
  // @ts-expect-error no issuer
  ZitadelModule.forRoot({ audience: '1' });
  const instances = [{ issuer, audience: '1' }];
  ZitadelModule.forRoot({ instances, strict: true, openPaths: ['/docs'], token: () => undefined });
  ZitadelModule.forRoot({ ...options, allowImpersonation: 'perRoute' });
  ZitadelModule.forRoot({ name: 'b', issuer, audience: '1', isGlobal: false });
  ZitadelModule.forRoot({ name: 'b', instances });
  ZitadelModule.forRootAsync({ name: 'b', useFactory: () => ({ instances }) });
  createZitadel({ instances, logger: console });
  // @ts-expect-error an option of an instance beside them
  ZitadelModule.forRoot({ instances, audience: '1' });
  // @ts-expect-error the same in Express
  createZitadel({ instances, cache: { ttlMs: 1 } });
  // @ts-expect-error an issuer beside them
  createZitadel({ instances, issuer });
  // @ts-expect-error ways to know callers beside them
  createZitadel({ instances, callers: jwt() });
  // @ts-expect-error a function that knows callers beside them
  ZitadelModule.forRoot({ instances, callers: () => undefined });
  // @ts-expect-error a fetch beside them
  createZitadel({ instances, fetch: globalThis.fetch });
  // @ts-expect-error a function that finds owners beside them
  ZitadelModule.forRoot({ instances, projectOwner: () => Promise.resolve(undefined) });
  // @ts-expect-error callers beside them, from a factory
  ZitadelModule.forRootAsync({ useFactory: () => ({ instances, callers: jwt() }) });
  const together = { instances, issuer, audience: '1' };
  // @ts-expect-error one instance beside them, in a variable
  createZitadel(together);
  const withIssuer = { instances, issuer };
  // @ts-expect-error an issuer beside them, in a variable
  createZitadel(withIssuer);
  // @ts-expect-error the same in Nest
  ZitadelModule.forRoot(withIssuer);
  // @ts-expect-error the same from a factory
  ZitadelModule.forRootAsync({ useFactory: () => withIssuer });
  const withCallers = { instances, callers: jwt() };
  // @ts-expect-error callers beside them, in a variable
  ZitadelModule.forRoot(withCallers);
  // @ts-expect-error instances in an instance
  createZitadel({ instances: [{ issuer, audience: '1', instances }] });
  createZitadel({ instances, token: (request) => String(request.body) });
  createZitadel({ ...options, callers: (token) => ({ userId: token.trim(), claims: {} }) });
  createZitadel({ ...options, projectOwner: (projectId) => Promise.resolve(projectId.trim()) });
  ZitadelModule.forRoot({ ...options, token: (request) => String(request.body) });
  createZitadel({ ...options, fetch: (url, init) => globalThis.fetch(url, init) });
  // @ts-expect-error an option of all in an instance
  createZitadel({ instances: [{ issuer, audience: '1', logger: console }] });
  // @ts-expect-error no list
  createZitadel({ instances: { issuer, audience: '1' } });
  // @ts-expect-error an option of the application beside a name
  ZitadelModule.forRoot({ name: 'b', issuer, audience: '1', strict: true });
  // @ts-expect-error the same of several instances
  ZitadelModule.forRoot({ name: 'b', instances, openPaths: ['/docs'] });
  // @ts-expect-error a number as a name
  ZitadelModule.forRoot({ name: 1, issuer, audience: '1' });
  // @ts-expect-error a name in Express
  createZitadel({ name: 'b', issuer, audience: '1' });
  // @ts-expect-error one path
  ZitadelModule.forRoot({ ...options, openPaths: '/docs' });
  // @ts-expect-error another way to allow impersonation
  ZitadelModule.forRoot({ ...options, allowImpersonation: 'perroute' });
  // @ts-expect-error an option of Nest in Express
  createZitadel({ issuer, audience: '1', strict: true });
  const emulator = await ZitadelEmulator.start();
  ZitadelModule.forRoot(emulator.options());
  createZitadel(emulator.options({ cache: { ttlMs: 1 } }));
  // @ts-expect-error an unknown option
  emulator.options({ cach: {} });
};
