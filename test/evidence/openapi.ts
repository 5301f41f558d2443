import { Validator } from '@seriousme/openapi-schema-validator';
import { HttpCode, Controller, type INestApplication, Post, VersioningType } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { accessOf, DENIAL, ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';
import { withZitadel } from 'nestjs-zitadel/swagger';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import type { CorpusDoor } from '../corpus/door.js';
import { httpClient, pathOf } from '../corpus/doors/http.js';
import { handlersOf, startNest as startCorpus } from '../corpus/doors/nest.js';
import { groups, through } from '../corpus/run.js';
import { CorpusWorld } from '../corpus/world.js';
import { speak } from '../support/speak.js';
import { type Platform, type Prepare, startNest } from '../support/start.js';
import { controllersOf } from './openapi-app.js';
import {
  type Described,
  give,
  type Ids,
  isForAnyone,
  requestOf,
  type Said,
  saidOf,
  valuesOf,
} from './openapi-client.js';
import type { Figures, RunOptions } from './proof.js';

export const about = 'an OpenAPI document says what the guard asks for, on every route';

const STACKS: readonly {
  readonly name: string;
  readonly platform: Platform;
  readonly prepare?: Prepare;
}[] = [
  { name: 'Express', platform: 'express' },
  {
    name: 'Express with a prefix that leaves routes out',
    platform: 'express',
    prepare: (app) => app.setGlobalPrefix('api/inner', { exclude: ['instance'] }),
  },
  {
    name: 'Fastify with versions in the path',
    platform: 'fastify',
    prepare: (app) => app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
  },
  {
    name: 'Express with versions in a header',
    platform: 'express',
    prepare: (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
  },
];

/** What Swagger lists for `@All`. */
const ALL = ['get', 'post', 'put', 'delete', 'patch', 'options', 'head', 'search'];

const SILENT = { debug() {}, log() {}, warn() {}, error() {} };

/** The operations of a path, wherever the version of the document has a place for their methods. */
function operationsOf(item: object): readonly (readonly [string, Described])[] {
  const { 'x-oai-additionalOperations': more = {}, ...others } = item as Record<string, object>;
  return Object.entries({ ...others, ...more }) as (readonly [string, Described])[];
}

function documentOf(app: INestApplication, version: string): OpenAPIObject {
  const config = new DocumentBuilder().setTitle('corpus').setOpenAPIVersion(version).build();
  return withZitadel(SwaggerModule.createDocument(app, config), app);
}

/** What is counted over all applications. */
class Count {
  routes = 0;
  documents = 0;
  valid = 0;
  readonly differences: string[] = [];
  /** It compiles a schema once. */
  readonly #validator = new Validator();

  /** Makes the document of an application, in each version, and has them validated. Returns one of them. */
  async document(app: INestApplication, name: string): Promise<OpenAPIObject> {
    const documents = ['3.0.0', '3.1.0', '3.2.0'].map((version) => documentOf(app, version));
    for (const document of documents) {
      const checked = await this.#validator.validate(document as never);
      this.documents += 1;
      this.valid += checked.valid ? 1 : 0;
      if (!checked.valid) this.differ(`${name}: ${JSON.stringify(checked.errors).slice(0, 500)}`);
    }
    const [first] = documents as [OpenAPIObject];
    return first;
  }

  differ(text: string): void {
    this.differences.push(text);
  }

  compare(where: string, expected: number | 'in', heard: number): void {
    const agrees = expected === 'in' ? heard >= 200 && heard < 300 : heard === expected;
    if (!agrees) this.differ(`${where}: the document says ${expected}, heard ${heard}`);
  }
}

/** One application, asked by what its document says. */
async function askAll(
  zitadel: ZitadelEmulator,
  ids: Ids,
  home: string,
  { name, platform, prepare }: (typeof STACKS)[number],
  count: Count,
): Promise<void> {
  let document: OpenAPIObject | undefined;
  const options = zitadel.options({ logger: SILENT });
  const { app, url, close } = await startNest(
    platform,
    {
      imports: [ZitadelModule.forRoot(options)],
      controllers: controllersOf({ acme: ids.org, portal: ids.project }),
      providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
    },
    prepare,
  );
  try {
    document = await count.document(app, name);
    const late: (() => Promise<void>)[] = [];
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [method, operation] of operationsOf(item)) {
        const extension = operation['x-zitadel'];
        const versions =
          extension && 'handlers' in extension
            ? extension.handlers.map(({ version }) => version)
            : [extension?.version];
        for (const version of versions) {
          const where = `${name}: ${method} ${path} ${version ?? ''}`;
          const said = saidOf(operation, version);
          if (!said) {
            count.differ(`${where}: the document says nothing`);
            continue;
          }
          count.routes += 1;
          const route = { where, path, method, operation, said, version, url };
          await askOne(zitadel, ids, home, route, count);
          late.push(() => askInOutage(zitadel, ids, route, count));
        }
      }
    }
    const written = new Set(
      accessOf(app).flatMap(({ verb = '', version = '', paths = [] }) =>
        paths.flatMap((path) =>
          (verb === 'ALL' ? ALL : [verb]).map((each) => `${each} ${path} ${version}`),
        ),
      ),
    );
    if (written.size !== late.length) {
      count.differ(`${name}: ${written.size} routes, ${late.length} in the document`);
    }
    zitadel.fail('memberships', 500);
    for (const ask of late) await ask();
  } finally {
    zitadel.heal();
    await close();
  }
}

interface Route {
  readonly where: string;
  readonly path: string;
  readonly method: string;
  readonly operation: Described;
  readonly said: Said;
  readonly version: string | undefined;
  readonly url: string;
}

async function send(
  { path, method, operation, said, version, url }: Route,
  token: string | undefined,
  idOf: (kind: keyof Ids) => string,
): Promise<{ readonly status: number; readonly errorCode: unknown }> {
  const values = valuesOf(operation, said.access.requirement, idOf);
  const { target, headers, body } = requestOf(path, values);
  const answer = await speak(url, {
    method: method.toUpperCase(),
    path: target,
    headers: [
      ...Object.entries(headers),
      ...(version === undefined ? [] : [['x-version', version] as const]),
      ...(token === undefined ? [] : [['Authorization', `Bearer ${token}`] as const]),
    ],
    ...(body !== undefined && { body }),
  });
  const { errorCode } = Object(answer.json) as { errorCode?: unknown };
  return { status: answer.status, errorCode };
}

const SPOILT = 'not-an-id';

const isDocumented = ({ responses }: Described, status: number): boolean =>
  status < 300 || status === 500 || Object.hasOwn(responses, String(status));

async function askOne(
  zitadel: ZitadelEmulator,
  ids: Ids,
  home: string,
  route: Route,
  count: Count,
): Promise<void> {
  const { where, operation, said } = route;
  const { access, isOpen } = said;
  const { requirement } = access;
  const idOf = (kind: keyof Ids) => ids[kind];
  const ask = async (
    who: string,
    token: string | undefined,
    expected: number | 'in',
    of = idOf,
  ) => {
    const { status } = await send(route, token, of);
    count.compare(`${where} ${who}`, expected, status);
    if (!isDocumented(operation, status))
      count.differ(`${where} ${who}: ${status} is not documented`);
  };
  /** A token with the scopes that the document names, and no others. */
  const tokenOf = (user: ReturnType<ZitadelEmulator['addUser']>) =>
    zitadel.tokenFor(user, { zitadelAudience: false, audience: [], scopes: said.scopes });
  const isDenied = access.access === 'undeclared';
  const isPublic = access.access === 'public';
  await ask('without a token', undefined, isDenied ? 403 : isOpen ? 'in' : 401);
  await ask('with a bad token', 'a.b.c', isDenied ? 403 : isPublic ? 'in' : 401);
  const nobody = zitadel.addUser(`nobody-${count.routes}`, { org: home });
  const isEnough = isPublic || (!isDenied && isForAnyone(requirement));
  await ask('as nobody', tokenOf(nobody), isEnough ? 'in' : 403);
  if (!requirement) return;
  const holder = zitadel.addUser(`holder-${count.routes}`, { org: ids.org });
  give(zitadel, holder, requirement, ids);
  await ask('as somebody who has it', tokenOf(holder), 'in');
  // What the application finds by itself, a client cannot spoil.
  const isSent = Object.values(valuesOf(operation, requirement, () => SPOILT)).some((values) =>
    Object.values(values).includes(SPOILT),
  );
  if (isSent && !Object.hasOwn(operation.responses, '400')) {
    count.differ(`${where}: 400 is not documented`);
  }
  if (!isSent) return;
  await ask('with something that is not an id', tokenOf(holder), 400, () => SPOILT);
}

async function askInOutage(
  zitadel: ZitadelEmulator,
  ids: Ids,
  route: Route,
  count: Count,
): Promise<void> {
  const { where, said } = route;
  const user = zitadel.addUser(`late-${String((late += 1))}`);
  const { status } = await send(route, zitadel.tokenFor(user), (kind) => ids[kind]);
  const { access } = said.access;
  const expected = access === 'public' ? 'in' : access === 'undeclared' ? 403 : 503;
  count.compare(`${where} in an outage`, expected, status);
}

let late = 0;

/** The routes and cases of the corpus, each beside what the document says of its route. */
function documented(platform: Platform, byName: CorpusDoor['byName'], count: Count): CorpusDoor {
  const name = platform === 'express' ? 'Nest on Express' : 'Nest on Fastify';
  return {
    name,
    byName,
    has: ['param', 'query', 'body', 'header', 'function', 'class'],
    hasHeader: true,
    async open(wanted) {
      const { type, ran } = handlersOf(
        wanted.routes,
        ({ params }, index) => [Post(params.map((each) => pathOf(index, each))), HttpCode(200)],
        [Controller()],
      );
      let document: OpenAPIObject | undefined;
      const { url, authorizer, close } = await startCorpus(
        platform,
        wanted,
        { controllers: [type] },
        async (app) => (document = await count.document(app, `corpus on ${platform}`)),
      );
      const operations = new Map(
        Object.entries(document?.paths ?? {}).map(([path, { post }]) => [
          path.replace(/\{[^}]*\}/g, '{}'),
          post as Described | undefined,
        ]),
      );
      count.routes += operations.size;
      const client = httpClient(url);
      return {
        authorizer,
        ran,
        async ask(question) {
          const heard = await client.ask(question);
          const names = Object.keys(question.values.param).sort();
          const path = pathOf(question.route, names).replace(/:[^/]+/g, '{}');
          differenceOf(operations.get(path), question.credential !== undefined, heard.code).forEach(
            (text) => count.differ(`corpus on ${platform}: ${path}: ${text}`),
          );
          return heard;
        },
        async close() {
          client.close();
          await close();
        },
      };
    },
  };
}

function differenceOf(
  operation: Described | undefined,
  hasToken: boolean,
  code: string,
): readonly string[] {
  const said = operation && saidOf(operation, undefined);
  if (!operation || !said) return ['the document says nothing'];
  const status =
    code === 'allowed' ? 200 : Object.entries(DENIAL).find(([each]) => each === code)?.[1].status;
  return [
    ...(said.isOpen ? ['the document says that it is open'] : []),
    ...(code === 'allowed' && !hasToken ? ['somebody got in without a token'] : []),
    ...(status === undefined || !isDocumented(operation, status)
      ? [`${code} is not documented`]
      : []),
  ];
}

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const count = new Count();
  const zitadel = await ZitadelEmulator.start();
  try {
    const acme = zitadel.addOrg('acme');
    const portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
    // Whoever a grant is given to manages it, so this is another organization than the one that is asked about.
    const partner = zitadel.addOrg('partner');
    const ids = {
      org: acme.id,
      project: portal.id,
      projectGrant: zitadel.grantProject(portal, partner, ['reader']).id,
      grantedOrg: partner.id,
    };
    const home = zitadel.addOrg('elsewhere').id;
    for (const stack of short ? STACKS.slice(3) : STACKS) {
      await askAll(zitadel, ids, home, stack, count);
      progress(
        `${stack.name}: ${count.routes} routes so far, ${count.differences.length} differences`,
      );
    }
  } finally {
    await zitadel.stop();
  }
  const doors = [documented('express', 'body', count), documented('fastify', 'query', count)];
  for (const { world, options, cases } of groups().slice(0, short ? 1 : undefined)) {
    const made = await CorpusWorld.create(world, options);
    try {
      for (const door of short ? doors.slice(0, 1) : doors) {
        const { differences } = await through(door, made, cases);
        differences.forEach(({ says }) => count.differ(`${door.name}: ${says}`));
      }
    } finally {
      await made.stop();
    }
  }
  progress(`with the corpus: ${count.routes} routes, ${count.documents} documents`);
  count.differences.slice(0, 40).forEach((text) => progress(text));
  const { routes, documents, valid, differences } = count;
  return {
    ok: differences.length === 0 && valid === documents,
    routes,
    differences: differences.length,
    documents,
    valid,
  };
}
