// The table of the proof `messages`: first mistakes and refusals, and what each text must say.
import { Controller, Get, Injectable, type ModuleMetadata } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  Authenticated,
  basic,
  CheckedResource,
  CurrentCaller,
  introspection,
  jwt,
  key,
  keyFile,
  org,
  pat,
  permission,
  project,
  projectRole,
  Public,
  RequireRole,
  role,
  ZitadelManagerGuard,
  ZitadelModule,
  type ZitadelOptions,
} from 'nestjs-zitadel';
import { callerOf, checkedResource, requireRole } from 'nestjs-zitadel/express';
import { type Asked, type DoorName, GLOBAL, type Stage } from './messages-stage.js';

type Act = (stage: Stage) => string | Promise<string>;
type Says = readonly [came: RegExp, expected: RegExp, todo: RegExp];

export interface Mistake {
  readonly name: string;
  /** What came, what was expected, what to do. */
  readonly says: Says;
  readonly nest?: Act;
  readonly express?: Act;
}

const both = (
  name: string,
  says: Says,
  act: (stage: Stage, door: DoorName) => ReturnType<Act>,
): Mistake => ({
  name,
  says,
  nest: (stage) => act(stage, 'nest'),
  express: (stage) => act(stage, 'express'),
});

/** A request to the open doors. */
const asks = (name: string, asked: (stage: Stage) => Asked, ...says: Says): Mistake =>
  both(name, says, (stage, door) => stage.ask(door, asked(stage)));

/** A request to an organization's route with this header. */
const sends = (name: string, authorization: (token: string) => string, ...says: Says): Mistake =>
  asks(
    name,
    (stage) => ({
      path: `/orgs/${stage.acme}`,
      headers: { authorization: authorization(stage.zitadel.tokenFor(stage.newcomer())) },
    }),
    ...says,
  );

/** A request of a new owner with a token that is made like this. */
const brings = (
  name: string,
  token: (stage: Stage, user: { id: string }) => string,
  ...says: Says
) =>
  asks(
    name,
    (stage) => ({ path: `/orgs/${stage.acme}`, token: token(stage, stage.newcomer()) }),
    ...says,
  );

/** A request of a new owner to this path. */
const visits = (name: string, to: (stage: Stage) => Omit<Asked, 'token'>, ...says: Says) =>
  asks(
    name,
    (stage) => ({ ...to(stage), token: stage.zitadel.tokenFor(stage.newcomer()) }),
    ...says,
  );

/** A request at a door with these options. */
const meets = (
  name: string,
  options: (stage: Stage) => Partial<ZitadelOptions>,
  ...says: Says
): Mistake =>
  both(name, says, (stage, door) => {
    const token = stage.zitadel.tokenFor(stage.newcomer());
    return stage.askWith(door, options(stage), { path: `/orgs/${stage.acme}`, token });
  });

/** Options that are refused. */
const creates = (name: string, options: (stage: Stage) => object, ...says: Says): Mistake =>
  both(name, says, (stage, door) => stage.create(door, options(stage)));

/** Options that are right but for these. */
const sets = (name: string, wrong: object | ((stage: Stage) => object), ...says: Says): Mistake =>
  creates(
    name,
    (stage) => ({
      ...stage.zitadel.options(),
      ...(typeof wrong === 'function' ? (wrong as (stage: Stage) => object)(stage) : wrong),
    }),
    ...says,
  );

/** A call that throws wherever it stands. */
const throws = (name: string, call: () => unknown, ...says: Says): Mistake =>
  both(name, says, () => {
    try {
      call();
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing';
  });

/** A Nest application. */
const boots = (
  name: string,
  metadata: (stage: Stage) => ModuleMetadata,
  says: Says,
  asked?: (stage: Stage) => Asked,
): Mistake => ({
  name,
  says,
  nest: (stage) => stage.boot(metadata(stage), asked?.(stage)),
});

const serves = (
  name: string,
  says: Says,
  build: Parameters<Stage['serve']>[0],
  path = '/',
): Mistake => ({
  name,
  says,
  express: (stage) => stage.serve(build, path, stage.zitadel.tokenFor(stage.newcomer())),
});

const ours = (stage: Stage, more: object = {}) =>
  ZitadelModule.forRoot({ ...stage.zitadel.options(), ...more });

const SCOPE = /urn:zitadel:iam:org:project:id:zitadel:aud/;
const SEND = /send the header Authorization: Bearer <access token>/;
const UNSET = /is an environment variable not set\?/;
const EMULATOR = /guardAs\(\) of nestjs-zitadel\/testing.* ask ZitadelEmulator/;

const HEADERS: readonly Mistake[] = [
  asks(
    'no token',
    ({ acme }) => ({ path: `/orgs/${acme}` }),
    /no Authorization header/,
    /Bearer/,
    SEND,
  ),
  sends('Basic', () => 'Basic YTpi', /but basic/, /scheme Bearer/, SEND),
  sends('a token without a scheme', (token) => token, /without that word/, /scheme Bearer/, SEND),
  sends('Bearer without a token', () => 'Bearer', /no token follows/, /one token/, SEND),
  sends(
    'a token in quotation marks',
    (token) => `Bearer "${token}"`,
    /in quotation marks/,
    /one token/,
    SEND,
  ),
  sends(
    'two tokens',
    (token) => `Bearer ${token} ${token}`,
    /more than one word follows/,
    /one token/,
    SEND,
  ),
  sends(
    'no space',
    (token) => `Bearer${token.replaceAll('.', '')}`,
    /no space follows/,
    /a space/,
    SEND,
  ),
  sends(
    'a letter of another alphabet',
    () => 'Bearer a\u00e9',
    /another character is in the token/,
    /only letters/,
    SEND,
  ),
];

const TOKENS: readonly Mistake[] = [
  brings(
    'an opaque token',
    ({ zitadel }, user) => zitadel.opaqueTokenFor(user),
    /an opaque token/,
    /a JWT is expected/,
    /token type to JWT, or accept both/,
  ),
  brings('no JWT at all', () => 'abc', /1 of 3 parts/, /a JWT/, /send the access_token/),
  brings(
    'an ID token',
    ({ zitadel }, user) => zitadel.idTokenFor(user),
    /no jti, no client_id/,
    /access token/,
    /send the access_token/,
  ),
  brings(
    'an expired token',
    ({ zitadel }, user) => zitadel.expiredTokenFor(user),
    /exp 36\d\d s ago/,
    /expired/,
    /get a new token/,
  ),
  brings(
    'a token of another issuer',
    ({ zitadel }, user) =>
      zitadel.tokenFor(user, { claims: { iss: 'https://auth.example.com:8443' } }),
    /iss https:\/\/auth\.example\.com:8443/,
    /expected http:\/\/127\.0\.0\.1:\d+/,
    /option issuer must equal/,
  ),
  brings(
    'a token for another project',
    ({ zitadel }, user) => zitadel.tokenFor(user, { audience: ['123456'], zitadelAudience: false }),
    /aud 123456/,
    /expected \d+/,
    /must request the scope urn:zitadel:iam:org:project:id:<project id>:aud/,
  ),
  brings(
    'a token of another instance’s key',
    ({ zitadel }, user) => zitadel.foreignTokenFor(user),
    /the signature is wrong/,
    /at this instance/,
    /send the access_token/,
  ),
  brings(
    'a token from the future',
    ({ zitadel }, user) =>
      zitadel.tokenFor(user, { claims: { iat: Math.floor(Date.now() / 1_000) + 600 } }),
    /iat or nbf (?:59|60)\d s ahead/,
    /from the future/,
    /compare the clocks/,
  ),
  brings(
    'a token that is too long',
    ({ zitadel }, user) => zitadel.tokenFor(user, { claims: { x: 'x'.repeat(9_000) } }),
    /longer than/,
    /8192 characters/,
    /fewer scopes/,
  ),
  brings(
    'a token with a secret’s signature',
    ({ zitadel }, user) => zitadel.tokenFor(user, { header: { alg: 'HS256' } }),
    /algorithm/,
    /not allowed/,
    /send the access_token/,
  ),
  brings(
    'a token without the scope for ZITADEL’s API',
    ({ zitadel }, user) => zitadel.tokenFor(user, { zitadelAudience: false }),
    /AUTH-7fs1e/,
    /expired or revoked/,
    SCOPE,
  ),
  brings(
    'an impersonation token',
    (stage, user) => stage.zitadel.impersonationTokenFor(user, stage.newcomer()),
    /an impersonated user/,
    /with memberships read as the service user/,
    /allowImpersonation/,
  ),
  brings(
    'a session without a second factor',
    ({ zitadel }, user) => {
      zitadel.requireMfa(user);
      return zitadel.tokenFor(user);
    },
    /AUTHZ-Kl3p0/,
    /login policy asks for a second factor/,
    /that this session does not have/,
  ),
];

const IDS: readonly Mistake[] = [
  visits(
    'a name in place of an id',
    () => ({ path: '/orgs/acme' }),
    /param orgId is not an id \(got 4 characters\)/,
    /option idPattern/,
    /an id is a string that matches/,
  ),
  visits(
    'no id in the query',
    () => ({ path: '/query' }),
    /query string has no orgId/,
    /ORG_OWNER on org query orgId/,
    /send \?orgId=/,
  ),
  visits(
    'two ids in the query',
    () => ({ path: '/query?orgId=1&orgId=2' }),
    /a list of 2/,
    /ORG_OWNER on org query orgId/,
    /send it once/,
  ),
  visits(
    'a number in the body',
    () => ({ path: '/body', body: { orgId: 1 } }),
    /type number/,
    /ORG_OWNER on org body orgId/,
    /send it as a string/,
  ),
  visits(
    'no id in the body',
    () => ({ path: '/body', body: {} }),
    /body has no orgId/,
    /ORG_OWNER on org body orgId/,
    /at the top of a JSON body/,
  ),
  visits(
    'no id in the headers',
    () => ({ path: '/header' }),
    /no header x-org/,
    /ORG_OWNER on org header x-org/,
    /send the header x-org/,
  ),
  visits(
    'no id from a function',
    () => ({ path: '/function' }),
    /noTenant in \.from\(\) found no id/,
    /ORG_OWNER on org function noTenant/,
    /what it returns/,
  ),
];

const RIGHTS: readonly Mistake[] = [
  visits(
    'no manager role',
    ({ globex }) => ({ path: `/orgs/${globex}` }),
    /user \d+/,
    /asks for ORG_OWNER on org param orgId/,
    /make the user a manager there/,
  ),
  visits(
    'no permission',
    ({ globex }) => ({ path: `/permitted/${globex}` }),
    /user \d+/,
    /asks for permission org\.write on org param orgId/,
    /a manager role that has it/,
  ),
  visits(
    'a project role without the scopes for it',
    ({ acme }) => ({ path: `/drafts/${acme}` }),
    /shows such a role/,
    /asks for project role editor/,
    /lacks the scope urn:zitadel:iam:org:projects:roles and urn:zitadel:iam:user:resourceowner/,
  ),
  asks(
    'a project role that the user was not given',
    ({ zitadel, acme, newcomer }) => ({
      path: `/drafts/${acme}`,
      token: zitadel.tokenFor(newcomer(), {
        scopes: ['urn:zitadel:iam:user:resourceowner'],
        claims: { [`urn:zitadel:iam:org:project:${zitadel.defaultProject.id}:roles`]: {} },
      }),
    }),
    /user \d+/,
    /asks for project role editor/,
    /give the user an authorization/,
  ),
  visits(
    'a home organization that the token does not tell',
    () => ({ path: '/home' }),
    /home organization of the caller/,
    /accepted caller of org \d+/,
    /lacks the scope urn:zitadel:iam:user:resourceowner/,
  ),
  asks(
    'another home organization',
    ({ zitadel, globex, newName }) => ({
      path: '/home',
      token: zitadel.tokenFor(zitadel.addUser(newName(), { org: globex }), {
        scopes: ['urn:zitadel:iam:user:resourceowner'],
      }),
    }),
    /is not one of those.*\(user \d+\)/,
    /accepted caller of org \d+/,
    /name it in organizations/,
  ),
];

const SET_UPS: readonly Mistake[] = [
  meets(
    'an issuer that nobody listens at',
    () => ({ issuer: 'http://127.0.0.1:9', callers: introspection(basic('id', 'secret')) }),
    /discovery \(http:\/\/127\.0\.0\.1:9\/\.well-known\/openid-configuration\)/,
    /this host reaches that address/,
    /check issuer and internalUrl/,
  ),
  meets(
    'a host that serves no instance',
    ({ zitadel }) => ({
      issuer: zitadel.issuer.replace('127.0.0.1', 'localhost'),
      callers: introspection(basic('id', 'secret')),
    }),
    /serves no instance under this host/,
    /discovery \(http:\/\/localhost:\d+\//,
    /issuer must be the external origin/,
  ),
  meets(
    'a wrong client secret for introspection',
    ({ zitadel }) => {
      const { clientId } = zitadel.addApiApplication(zitadel.defaultProject);
      return { callers: introspection(basic(clientId, 'wrong')) };
    },
    /introspection: ZITADEL answered 40\d/,
    /the client id and secret of basic\(\)/,
    /may be wrong/,
  ),
  meets(
    'a service user without a manager role',
    ({ zitadel, acme, newName }) => ({
      memberships: { as: 'serviceUser', organizations: [acme] },
      serviceUser: pat(zitadel.patFor(zitadel.addServiceUser(newName()))),
    }),
    /ZITADEL answered 40\d/,
    /ORG_OWNER_VIEWER is enough/,
    /give the service user a manager role/,
  ),
];

const OPTIONS: readonly Mistake[] = [
  sets(
    'an issuer from a variable that is not set',
    { issuer: undefined },
    /issuer: got undefined/,
    /an origin/,
    UNSET,
  ),
  creates('no issuer', () => ({}), /issuer: got undefined/, /an origin/, /write/),
  sets(
    'an issuer with a slash',
    { issuer: 'https://acme.example/' },
    /'https:\/\/acme\.example\/'/,
    /without path and trailing slash/,
    /write an origin/,
  ),
  sets(
    'an issuer made of a variable that is not set',
    { issuer: 'https://undefined' },
    /'https:\/\/undefined'/,
    /your own value/,
    /environment variable not set/,
  ),
  sets(
    'an issuer over plain http',
    { issuer: 'http://acme.example' },
    /'http:\/\/acme\.example'/,
    /https/,
    /allowHttp: true/,
  ),
  sets(
    'the placeholder of the README',
    { audience: '<project id>' },
    /'<project id>'/,
    /your own value/,
    /a placeholder of the documentation/,
  ),
  sets(
    'an audience that is not set',
    { audience: undefined },
    /got undefined/,
    /the project id/,
    UNSET,
  ),
  sets(
    'an empty audience',
    { audience: '' },
    /an empty string/,
    /the project id/,
    /variable empty\?/,
  ),
  sets(
    'a misspelt option',
    { audiance: '1' },
    /audiance: there is no such option/,
    /audience/,
    /write one of/,
  ),
  sets(
    'a number as text',
    { timeoutMs: '10' },
    /timeoutMs: got '10'/,
    /milliseconds from 1/,
    /write/,
  ),
  sets(
    'the placeholder of a client',
    { callers: jwt({ clients: ['<client id>'] }) },
    /callers: got/,
    /a list of client ids/,
    /a placeholder of the documentation/,
  ),
  sets('jwt without a call', { callers: jwt }, /callers: got/, /jwt\(\)/, /called/),
  sets(
    'a pattern with a flag',
    { idPattern: /a/g },
    /idPattern: got/,
    /without the flags/,
    /write/,
  ),
  sets(
    'a logger that cannot log',
    { logger: {} },
    /logger: got/,
    /debug, log, warn and error/,
    /write/,
  ),
  sets(
    'memberships as a service user that is not there',
    { memberships: { as: 'serviceUser' } },
    /serviceUser: got undefined/,
    /or another credential/,
    /write keyFile/,
  ),
  sets(
    'a shared cache with a short secret',
    { cache: { shared: { secret: 'short' } } },
    /a string of 5 characters/,
    /at least 32 characters/,
    /write a random string/,
  ),
  sets(
    'the key of a service user for introspection',
    ({ zitadel, newName }: Stage) => ({
      callers: introspection(key(zitadel.addKey(zitadel.addServiceUser(newName())))),
    }),
    /the key of a service user/,
    /needs an application’s key/,
    /in ZITADEL’s console/,
  ),
  throws(
    'a key file that is not there',
    () => keyFile('./no-such-key.json'),
    /\/no-such-key\.json cannot be read \(ENOENT\)/,
    /serviceUser, or introspection\(\) in callers/,
    /check the path/,
  ),
  throws(
    'the content of a key file in place of its path',
    () => keyFile('{"type":"serviceaccount"}'),
    /does not look like a path/,
    /serviceUser, or introspection\(\) in callers/,
    /the content to key\(\)/,
  ),
  throws(
    'a token from a variable that is not set',
    () => pat(undefined as never),
    /pat\(\)/,
    /a personal access token/,
    UNSET,
  ),
  throws(
    'a client secret that is not set',
    () => basic('id', undefined as never),
    /basic\(\)/,
    /client id and the client secret/,
    UNSET,
  ),
];

const REQUIREMENTS: readonly Mistake[] = [
  throws(
    'a misspelt role',
    () => role('ORG_OWNR' as never, '1' as never),
    /ORG_OWNR/,
    /role/,
    /customRole/,
  ),
  throws(
    'a role of a project as a manager role',
    () => role('editor' as never, '1' as never),
    /'editor' is not a manager role/,
    /such as IAM_OWNER, ORG_OWNER/,
    /write projectRole\('\.\.\.'\) for a role of your project/,
  ),
  throws(
    'a ref behind a role on the instance',
    () => role('IAM_OWNER', org('1') as never),
    /a role on the instance/,
    /takes no ref/,
    /write only \{ fresh/,
  ),
  throws(
    'an organization from a variable that is not set',
    () => org(undefined as never),
    /got undefined/,
    /a non-empty string/,
    UNSET,
  ),
  throws(
    'an empty list of roles',
    () => role([] as never, '1' as never),
    /an empty list/,
    /allows nobody/,
    /name at least one/,
  ),
  throws(
    'roles of two scopes',
    () => role(['ORG_OWNER', 'IAM_OWNER'] as never, '1' as never),
    /roles of one list/,
    /must be of one scope/,
    /write anyOf/,
  ),
  throws(
    'no organization',
    () => (role as (name: string) => unknown)('ORG_OWNER'),
    /the organization/,
    /its id/,
    /org\.param/,
  ),
  throws(
    'a manager role as a project role',
    () => projectRole('ORG_OWNER', { org: '1' }),
    /ORG_OWNER is a manager role/,
    /never in a token/,
    /write role/,
  ),
  throws(
    'a permission on a project alone',
    () => permission('project.write', project.param('id') as never),
    /a permission on a project/,
    /the organization that owns it/,
    /write project\.param\(\.\.\.\)\.in/,
  ),
];

@Controller('things')
class MisnamedController {
  @Get(':org')
  @RequireRole('ORG_OWNER', org.param('orgId'))
  read() {
    return {};
  }
}

@Controller('things')
class UnguardedController {
  @Get(':orgId')
  @RequireRole('ORG_OWNER', org.param('orgId'))
  read() {
    return {};
  }
}

@Controller('things')
class TakingController {
  @Get('org/:orgId')
  @RequireRole('ORG_OWNER', org.param('orgId'))
  org(@CheckedResource('org') id: string) {
    return { id };
  }

  @Get('me')
  @Authenticated()
  me(@CurrentCaller() caller: object) {
    return { caller };
  }
}

@Controller('things')
class PublicController {
  @Get()
  @Public()
  read(@CurrentCaller() caller: object) {
    return { caller };
  }
}

@Controller('things')
class UncheckedController {
  @Get()
  @Authenticated()
  read(@CheckedResource('org') id: string) {
    return { id };
  }
}

@Controller('things')
class PlainController {
  @Get()
  read() {
    return {};
  }
}

@Controller('things')
class NamedController {
  @Get()
  @RequireRole('ORG_OWNER', org('acme'))
  read() {
    return {};
  }
}

@Controller()
class MessageController {
  remove() {
    return {};
  }
}
const { value: remove } =
  Object.getOwnPropertyDescriptor(MessageController.prototype, 'remove') ?? {};
Reflect.defineMetadata('microservices:pattern', ['org.remove'], remove as object);

@Injectable()
class LetsIn extends ZitadelManagerGuard {
  override canActivate(): boolean {
    return true;
  }
}

const BOOTS: readonly Mistake[] = [
  throws(
    'forRoot without options',
    () => ZitadelModule.forRoot(undefined as never),
    /forRoot\(\) got is undefined/,
    /an object/,
    /write/,
  ),
  boots(
    'a factory that returns nothing',
    () => ({ imports: [ZitadelModule.forRootAsync({ useFactory: () => undefined as never })] }),
    [/factory of ZitadelModule\.forRootAsync\(\) returned is undefined/, /an object/, /write/],
  ),
  boots('no guard', (stage) => ({ imports: [ours(stage)], controllers: [UnguardedController] }), [
    /UnguardedController\.read would run/,
    /no guard checks it/,
    /write \{ provide: APP_GUARD/,
  ]),
  boots(
    'a parameter that the path does not have',
    (stage) => ({ imports: [ours(stage)], controllers: [MisnamedController], providers: [GLOBAL] }),
    [/parameter orgId/, /GET \/things\/:org does not have/, /write :orgId into the path/],
  ),
  boots(
    '@CurrentCaller on a public route',
    (stage) => ({ imports: [ours(stage)], controllers: [PublicController], providers: [GLOBAL] }),
    [
      /@CurrentCaller\(\) stands on a public route/,
      /has no caller/,
      /take it away, or write @Authenticated/,
    ],
  ),
  boots(
    '@CheckedResource on a route that checks none',
    (stage) => ({
      imports: [ours(stage)],
      controllers: [UncheckedController],
      providers: [GLOBAL],
    }),
    [/@CheckedResource\('org'\)/, /checks no such org/, /name it in the requirement/],
  ),
  boots(
    'a name in place of an id in a decorator',
    (stage) => ({ imports: [ours(stage)], controllers: [NamedController], providers: [GLOBAL] }),
    [/'acme' is not a valid id/, /idPattern/, /correct the id/],
  ),
  boots(
    'a route that declares nothing, with the option strict',
    (stage) => ({
      imports: [ours(stage, { strict: true })],
      controllers: [PlainController],
      providers: [GLOBAL],
    }),
    [/PlainController\.read declares nothing/, /strict/, /decorate it with/],
  ),
  boots(
    'a request to a route that declares nothing',
    (stage) => ({ imports: [ours(stage)], controllers: [PlainController], providers: [GLOBAL] }),
    [/not_declared: PlainController\.read declares nothing/, /declares/, /decorate it with/],
    () => ({ path: '/things' }),
  ),
  boots(
    'a message handler beside HTTP',
    (stage) => ({
      imports: [ours(stage)],
      controllers: [MessageController],
      providers: [GLOBAL],
    }),
    [
      /MessageController\.remove handles messages in an application with HTTP/,
      /only with inheritAppConfig/,
      /write @UseGuards\(ZitadelManagerGuard\) on the class/,
    ],
  ),
  boots(
    'the module twice',
    (stage) => ({ imports: [ours(stage), ours(stage, { timeoutMs: 1_000 })] }),
    [
      /registered 2 times/,
      /settings and a memory of its own/,
      /write ZitadelModule\.forRoot\(\) once/,
    ],
  ),
];

const EXPRESS: readonly Mistake[] = [
  serves(
    'a parameter that the path does not have',
    [/no path parameter orgId/, /ORG_OWNER on org param orgId/, /write :orgId into its path/],
    (app, zitadel) =>
      void app.get('/things/:org', requireRole(zitadel, 'ORG_OWNER', org.param('orgId'))),
    '/things/1',
  ),
  serves(
    'app.use before the routes',
    [/no path parameter orgId/, /ORG_OWNER on org param orgId/, /app\.use\(\) does not see/],
    (app, zitadel) => void app.use(requireRole(zitadel, 'ORG_OWNER', org.param('orgId'))),
    '/things/1',
  ),
  serves(
    'callerOf without a middleware',
    [/was not checked/, /put requireRole\(\)/, EMULATOR],
    (app) => void app.get('/', (request) => void callerOf(request)),
  ),
  serves(
    'checkedResource without a middleware',
    [/was not checked/, /put requireRole\(\)/, EMULATOR],
    (app) => void app.get('/', (request) => void checkedResource(request, 'org')),
  ),
  serves(
    'a class in .from()',
    [/only Nest can build a class/, /a function/, /takes a function here/],
    (app, zitadel) => {
      class Reader {
        readId() {
          return '1';
        }
      }
      app.get('/', requireRole(zitadel, 'ORG_OWNER', org.from(Reader)));
    },
  ),
];

const WITHOUT_GUARD: readonly Mistake[] = ['org/1', 'me'].map((path) =>
  boots(
    `a handler behind a guard that a test has replaced: ${path}`,
    (stage) => ({
      imports: [ours(stage)],
      controllers: [TakingController],
      providers: [LetsIn, { provide: APP_GUARD, useExisting: LetsIn }],
    }),
    [
      /requirement_invalid: @C\w+\(.*\) in TakingController\.\w+/,
      /ZitadelManagerGuard did not let this request through/,
      EMULATOR,
    ],
    () => ({ path: `/things/${path}` }),
  ),
);

export const MISTAKES: readonly Mistake[] = [
  ...HEADERS,
  ...TOKENS,
  ...IDS,
  ...RIGHTS,
  ...SET_UPS,
  ...OPTIONS,
  ...REQUIREMENTS,
  ...BOOTS,
  ...WITHOUT_GUARD,
  ...EXPRESS,
];
