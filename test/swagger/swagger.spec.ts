import { Validator } from '@seriousme/openapi-schema-validator';
import {
  All,
  Controller,
  Get,
  type ModuleMetadata,
  Param,
  Propfind,
  QueryMethod,
  Version,
  VERSION_NEUTRAL,
  VersioningType,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { get } from 'node:http';
import { APP_GUARD } from '@nestjs/core';
import {
  ApiBearerAuth,
  ApiResponse,
  DocumentBuilder,
  type OpenAPIObject,
  SwaggerModule,
} from '@nestjs/swagger';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  Authenticated,
  org,
  Public,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type ZitadelRootOptions,
} from '../../lib/index.js';
import { withZitadel, ZitadelSwaggerModule } from '../../lib/swagger/index.js';
import { type Platform, startNest } from '../support/start.js';
import { startEmulator, useEmulator } from '../support/world.js';

const zitadel = await useEmulator();
const SILENT = { debug() {}, log() {}, warn() {}, error() {} };
const ORG = '69629023906488334';
const CONFIG = new DocumentBuilder().build();

@Controller('things/:orgId')
@RequireRole('ORG_OWNER', org.param('orgId'))
class Things {
  @Get()
  @ApiResponse({ status: 403, description: 'Mine' })
  read(@Param('orgId') orgId: string) {
    return { orgId };
  }

  @Get('bearer')
  @ApiBearerAuth('mine')
  bearer() {
    return {};
  }

  @Get('public')
  @Public()
  public() {
    return {};
  }

  @Get('optional')
  @Authenticated({ optional: true, replaces: true })
  optional() {
    return {};
  }

  @Get('literal')
  @RequireRole('ORG_OWNER', ORG)
  literal() {
    return {};
  }
}
for (const name of ['read', 'bearer', 'public', 'optional', 'literal']) {
  const parameters: unknown[] = name === 'read' ? [String] : [];
  Reflect.defineMetadata('design:paramtypes', parameters, Things.prototype, name);
}

async function start(
  options: ZitadelRootOptions,
  controllers: readonly Type[] = [Things],
  imports: ModuleMetadata['imports'] = [],
) {
  const { app, close } = await startNest('fastify', {
    imports: [ZitadelModule.forRoot(options), ...imports],
    controllers: [...controllers],
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  });
  onTestFinished(close);
  return app;
}

const plain = () => start(zitadel.options({ logger: SILENT }));

describe('withZitadel', () => {
  it('says how to sign in, with which scopes, what is asked for, and how the guard refuses', async () => {
    const document = withZitadel(
      SwaggerModule.createDocument(await plain(), CONFIG),
      await plain(),
    );
    expect(document.components?.securitySchemes?.['zitadel']).toMatchObject({
      type: 'openIdConnect',
      openIdConnectUrl: `${zitadel.url}/.well-known/openid-configuration`,
    });
    const read = document.paths['/things/{orgId}']?.get;
    expect(read).toMatchObject({
      description:
        'The caller needs the manager role `ORG_OWNER` on the organization in the path parameter `orgId`.',
      security: [
        {
          zitadel: [
            'openid',
            `urn:zitadel:iam:org:project:id:${String(zitadel.options().audience)}:aud`,
            'urn:zitadel:iam:org:project:id:zitadel:aud',
          ],
        },
      ],
      'x-zitadel': {
        access: 'required',
        requirement: { role: ['ORG_OWNER'], on: { kind: 'org', from: 'param', name: 'orgId' } },
      },
      responses: {
        401: { $ref: '#/components/responses/ZitadelUnauthorized' },
        503: { $ref: '#/components/responses/ZitadelUnavailable' },
      },
    });
    expect(document.components?.schemas?.['ZitadelUnauthorizedBody']).toMatchObject({
      properties: {
        errorCode: { enum: ['token_missing', 'token_invalid', 'impersonated', 'token_rejected'] },
      },
    });
  });

  it('keeps what the application wrote, and the document that it gets', async () => {
    const app = await plain();
    const given = SwaggerModule.createDocument(app, CONFIG);
    Object.assign(given.paths, { 'x-note': 'mine', 'x-list': [1] });
    const before = structuredClone(given);
    const document = withZitadel(given, app);
    expect(given).toEqual(before);
    expect(document.paths).toMatchObject({ 'x-note': 'mine', 'x-list': [1] });
    expect(document.paths['/things/{orgId}']?.get?.responses['403']).toMatchObject({
      description: 'Mine',
    });
    expect(document.paths['/things/{orgId}/bearer']?.get?.security).toEqual([{ mine: [] }]);
    expect(withZitadel(document, app)).toEqual(document);
  });

  it('shows public routes public, optional ones both ways, and no id of the code', async () => {
    const app = await plain();
    const { paths } = ZitadelSwaggerModule.createDocument(app, CONFIG, { scheme: 'sso' });
    const open = paths['/things/{orgId}/public']?.get;
    expect(open).toMatchObject({ security: [], 'x-zitadel': { access: 'public' } });
    expect(Object.keys(open?.responses ?? {})).toEqual(['200']);
    const optional = paths['/things/{orgId}/optional']?.get;
    expect(optional?.security).toEqual([{}, { sso: expect.any(Array) as string[] }]);
    expect(JSON.stringify(paths)).not.toContain(ORG);
  });

  it('has a scheme for each of several instances, any one of which is enough', async () => {
    const second = await startEmulator();
    const [first, other] = [zitadel.options(), second.options()];
    const app = await start({ logger: SILENT, instances: [first, other] });
    const document = withZitadel(SwaggerModule.createDocument(app, CONFIG), app);
    const names = [zitadel, second].map(
      ({ url }) => `zitadel-${new URL(url).host.replace(':', '-')}`,
    );
    expect(Object.keys(document.components?.securitySchemes ?? {})).toEqual(names);
    const security = document.paths['/things/{orgId}']?.get?.security ?? [];
    expect(security.flatMap((each) => Object.keys(each))).toEqual(names);
  });

  it('has a scheme for each ZITADEL of a name that a route asks', async () => {
    @Controller('named')
    class Named {
      @Get('a')
      @RequireRole('IAM_OWNER')
      a() {
        return {};
      }

      @Get('b')
      @RequireRole('IAM_OWNER', { zitadel: 'b' })
      b() {
        return {};
      }

      @Get('optional')
      @Authenticated({ optional: true, zitadel: 'b' })
      optional() {
        return {};
      }
    }
    withoutParameters(Named);
    const b = await startEmulator();
    const ours = { ...b.options(), logger: SILENT, audience: '7' };
    const app = await start(
      zitadel.options({ logger: SILENT }),
      [Named],
      [
        ZitadelModule.forRoot({ ...ours, name: 'b' }),
        // No route asks it.
        ZitadelModule.forRoot({ ...ours, name: 'c' }),
      ],
    );
    const { components, paths } = withZitadel(SwaggerModule.createDocument(app, CONFIG), app);
    expect(components?.securitySchemes).toMatchObject({
      zitadel: { openIdConnectUrl: `${zitadel.url}/.well-known/openid-configuration` },
      'zitadel-b': { openIdConnectUrl: `${b.url}/.well-known/openid-configuration` },
    });
    expect(Object.keys(components?.securitySchemes ?? {})).toHaveLength(2);
    const securityAt = (path: string) => paths[`/named/${path}`]?.get?.security;
    expect(securityAt('a')).toEqual([{ zitadel: expect.any(Array) as string[] }]);
    const ofB = {
      'zitadel-b': [
        'openid',
        'urn:zitadel:iam:org:project:id:7:aud',
        'urn:zitadel:iam:org:project:id:zitadel:aud',
      ],
    };
    expect(securityAt('b')).toEqual([ofB]);
    const said = ['a', 'b', 'optional'].map(
      (path) => Object(paths[`/named/${path}`]?.get)['x-zitadel'] as { readonly zitadel?: string },
    );
    expect(said.map(({ zitadel: name }) => name)).toEqual([undefined, 'b', 'b']);
    expect(securityAt('optional')).toEqual([{}, ofB]);
  });

  it.each([
    // Swagger leaves out `query` there.
    ['3.0.0', [], 'x-oai-additionalOperations'],
    ['3.1.1', [], 'x-oai-additionalOperations'],
    ['3.2.0', ['query'], 'additionalOperations'],
  ])(
    'is valid where OpenAPI %s does not know a method, and describes that, too',
    async (version, known, place) => {
      @Controller('methods')
      @RequireRole('IAM_OWNER')
      class Methods {
        @All()
        all() {
          return {};
        }

        @QueryMethod('one')
        query() {
          return {};
        }

        @Propfind('one')
        propfind() {
          return {};
        }
      }
      withoutParameters(Methods);
      const app = await start(zitadel.options({ logger: SILENT }), [Methods]);
      const config = new DocumentBuilder().setOpenAPIVersion(version).build();
      const given = SwaggerModule.createDocument(app, config);
      const document = withZitadel(given, app);
      const validate = (each: object) => new Validator().validate(each as never);
      expect(await validate(given)).toMatchObject({ valid: false });
      expect(await validate(document)).toEqual({ valid: true });
      const [all, one] = ['/methods', '/methods/one'].map((path) => Object(document.paths[path]));
      expect([...Object.keys(one), ...Object.keys(all[place])]).toEqual([
        ...known,
        place,
        'SEARCH',
      ]);
      const more = { ...one[place], ...all[place] } as Record<string, unknown>;
      expect(Object.keys(more).sort()).toEqual(['PROPFIND', 'SEARCH']);
      for (const each of [...Object.values(more), ...known.map((name) => one[name])]) {
        expect(each).toMatchObject({ 'x-zitadel': { access: 'required' } });
      }
      expect(withZitadel(document, app)).toEqual(document);
    },
  );

  it('says how an application takes tokens that does not read the header Authorization', async () => {
    const app = await start(zitadel.options({ logger: SILENT, token: () => undefined }));
    const { components } = withZitadel(SwaggerModule.createDocument(app, CONFIG), app);
    expect(components?.securitySchemes?.['zitadel']).toMatchObject({
      description: expect.not.stringContaining('Authorization') as string,
    });
  });

  it('says of each version what the handler asks for that Nest calls', async () => {
    @Controller('versions')
    class Versions {
      @Get()
      @Version(['1', VERSION_NEUTRAL])
      @RequireRole('IAM_OWNER')
      first() {
        return {};
      }

      @Get()
      @Version(['1', '2'])
      @Public()
      second() {
        return {};
      }

      @Get('neutral')
      @Version(VERSION_NEUTRAL)
      @Public()
      neutral() {
        return {};
      }

      @Get('neutral')
      @Version('2')
      @RequireRole('IAM_OWNER')
      later() {
        return {};
      }
    }
    const { url, saidAt } = await startVersions('express', Versions);
    expect(await saidAt('/versions')).toMatchObject({
      handlers: [
        { access: 'required', version: '1, neutral' },
        { access: 'public', version: '2' },
      ],
    });
    // On Express a handler without a version takes every version.
    expect(await saidAt('/versions/neutral')).toEqual({ access: 'public' });
    const reply = await fetch(`${url}/versions/neutral`, { headers: { 'x-version': '2' } });
    expect(reply.status).toBe(200);
  });

  it('says of each host what the handler asks for that Nest calls, and the stricter of all', async () => {
    const controllerAt = (host: string | undefined, mark: MethodDecorator): Type => {
      @Controller(host === undefined ? { path: 'hosts' } : { path: 'hosts', host })
      class OnHost {
        @Get()
        @mark
        read() {
          return {};
        }
      }
      return OnHost;
    };
    const open = controllerAt('open.example', Public());
    const ofRole = controllerAt('shop.example', RequireRole('IAM_OWNER'));
    const again = controllerAt('shop.example', Public());
    const rest = controllerAt(undefined, Authenticated());
    const never = controllerAt('more.example', Public());
    const { url, operationAt } = await startVersions('express', open, ofRole, again, rest, never);
    const { security, description, responses, 'x-zitadel': said } = operationAt('/hosts');
    expect(said).toMatchObject({
      handlers: [
        { access: 'public', host: 'open.example' },
        { access: 'required', host: 'shop.example', requirement: { role: ['IAM_OWNER'] } },
        { access: 'required', requirement: { authenticated: true } },
      ],
    });
    expect((said as { handlers: readonly object[] }).handlers).toHaveLength(3);
    // Not [{}, ...]: where a role is asked for, nobody gets in without a token.
    expect(security).toEqual([{ zitadel: expect.arrayContaining(['openid']) as string[] }]);
    expect(description).toBe(
      'Host shop.example: The caller needs the manager role `IAM_OWNER` on the instance.\n\nAny other host: The caller needs any account whose token is accepted.',
    );
    expect(Object.keys(responses ?? {})).toEqual(expect.arrayContaining(['401', '403', '503']));
    const heard = ['open.example', 'shop.example', 'more.example'].map((host) => ask(url, host));
    expect(await Promise.all(heard)).toEqual([200, 401, 401]);
  });

  it('says of each host which versions are left to a handler of several hosts and versions', async () => {
    @Controller({ path: 'hosts', host: 'a.example' })
    class First {
      @Get()
      @Version('1')
      @Public()
      read() {
        return {};
      }
    }

    @Controller({ path: 'hosts', host: ['a.example', 'b.example'] })
    class Second {
      @Get()
      @Version(['1', '2'])
      @Authenticated()
      read() {
        return {};
      }
    }
    const { url, operationAt } = await startVersions('express', First, Second);
    const { description, 'x-zitadel': said } = operationAt('/hosts');
    const requirement = { authenticated: true, organizations: false };
    expect(said).toEqual({
      handlers: [
        { access: 'public', host: 'a.example', version: '1' },
        { access: 'required', host: 'a.example', version: '2', requirement },
        { access: 'required', host: 'b.example', version: '1, 2', requirement },
      ],
    });
    expect(description).toBe(
      [
        'Host a.example, Version 2: The caller needs any account whose token is accepted.',
        'Host b.example, Version 1, 2: The caller needs any account whose token is accepted.',
      ].join('\n\n'),
    );
    const heard = [
      ask(url, 'a.example', '1'),
      ask(url, 'a.example', '2'),
      ask(url, 'b.example', '1'),
      ask(url, 'b.example', '2'),
    ];
    expect(await Promise.all(heard)).toEqual([200, 401, 401, 401]);
  });

  it('tells the host of a handler that stands alone, and what is asked where another is unguarded', async () => {
    @Controller({ path: 'alone', host: 'a.example' })
    @Authenticated()
    @UseGuards(ZitadelManagerGuard)
    class OnA {
      @Get()
      alone() {
        return {};
      }
    }

    @Controller({ path: 'alone', host: 'b.example' })
    class OnB {
      @Get()
      alone() {
        return {};
      }
    }
    withoutParameters(OnA);
    withoutParameters(OnB);
    const { app, close } = await startNest('express', {
      imports: [ZitadelModule.forRoot(zitadel.options({ logger: SILENT }))],
      controllers: [OnA, OnB],
    });
    onTestFinished(close);
    const { paths } = withZitadel(SwaggerModule.createDocument(app, CONFIG), app);
    expect(paths['/alone']?.get).toMatchObject({
      'x-zitadel': { access: 'required', host: 'a.example' },
      description: 'Host a.example: The caller needs any account whose token is accepted.',
      security: [{ zitadel: expect.anything() as unknown }],
    });
  });

  it('says on Fastify that a handler without a version takes what no other takes', async () => {
    @Controller('versions')
    class Versions {
      @Get()
      @Version(VERSION_NEUTRAL)
      @Public()
      neutral() {
        return {};
      }

      @Get()
      @Version('2')
      @RequireRole('IAM_OWNER')
      later() {
        return {};
      }
    }
    const { url, saidAt } = await startVersions('fastify', Versions);
    expect(await saidAt('/versions')).toMatchObject({
      handlers: [{ access: 'public' }, { access: 'required', version: '2' }],
    });
    const reply = await fetch(`${url}/versions`, { headers: { 'x-version': '2' } });
    expect(reply.status).toBe(401);
  });
});

/** As the compiler notes it. */
function withoutParameters({ prototype }: Type): void {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (name === 'constructor') continue;
    Reflect.defineMetadata('design:paramtypes', [], prototype as object, name);
  }
}

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** An application whose versions stand in a header. `saidAt` tells what its document says of a GET. */
async function startVersions(platform: Platform, ...controllers: Type[]) {
  controllers.forEach(withoutParameters);
  const { app, url, close } = await startNest(
    platform,
    {
      imports: [ZitadelModule.forRoot(zitadel.options({ logger: SILENT }))],
      controllers,
      providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
    },
    (each) => each.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
  );
  onTestFinished(close);
  const { paths } = withZitadel(SwaggerModule.createDocument(app, CONFIG), app);
  const operationAt = (path: string) =>
    Object(paths[path]?.get) as Operation & { readonly 'x-zitadel'?: unknown };
  const saidAt = (path: string): unknown => operationAt(path)['x-zitadel'];
  return { url, saidAt, operationAt };
}

/** The status of `/hosts` under a name of the host that `fetch` would not send. */
function ask(url: string, host: string, version?: string): Promise<number | undefined> {
  const headers = { host, ...(version !== undefined && { 'x-version': version }) };
  return new Promise((resolve, reject) => {
    get(`${url}/hosts`, { headers }, (reply) => {
      reply.resume();
      resolve(reply.statusCode);
    }).on('error', reject);
  });
}
