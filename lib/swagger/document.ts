import type { INestApplication, INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { type OpenAPIObject, type SwaggerDocumentOptions, SwaggerModule } from '@nestjs/swagger';
import { own } from '../core/own-properties.js';
import { type Operation, refusalComponents, type RefusalStatus, withAccess } from './operation.js';
import { routesOf } from './routes.js';
import { Schemes } from './schemes.js';

/** Settings of `withZitadel`. */
export interface ZitadelDocumentOptions {
  /**
   * The name of the security scheme. With several instances or names, theirs follow it: `zitadel-acme.zitadel.cloud`.
   *
   * @default 'zitadel'
   */
  readonly scheme?: string;
}

/** What a path has beside its operations. */
const BESIDE = new Set(['$ref', 'summary', 'description', 'servers', 'parameters']);
/** The methods under whose names a path has its operations. */
const METHODS = new Set('get put post delete options head patch trace'.split(' '));

/**
 * Adds to an OpenAPI document what the guard asks for: the sign-in at ZITADEL, and for each route its security with scopes, what it asks for in
 * words and as `x-zitadel`, and the answers 400, 401, 403 and 503 of the guard. Public routes are shown public. What the application wrote
 * itself stays, and the document that is handed in does not change. Operations of methods that its version of OpenAPI does not know stand in
 * `additionalOperations` (3.2), or in `x-oai-additionalOperations` (before).
 *
 * @throws ZitadelRequirementError when the application does not import `ZitadelModule` of this package
 * @example `SwaggerModule.setup('docs', app, withZitadel(SwaggerModule.createDocument(app, config), app))`
 */
export function withZitadel<T extends OpenAPIObject>(
  document: T,
  app: INestApplicationContext,
  { scheme = 'zitadel' }: ZitadelDocumentOptions = {},
): T {
  const handlersAt = routesOf(app);
  const schemes = new Schemes(app.get(ModulesContainer, { strict: false }), scheme);
  const statuses = new Set<RefusalStatus>();
  const hasMore = !/^3\.[01](\.|$)/.test(document.openapi);
  const paths = Object.entries(document.paths).map(([path, item]) => {
    // An extension of the application.
    if (!path.startsWith('/')) return [path, item];
    const described = describedPath(item, hasMore, (operation, method) => {
      const handlers = handlersAt(path, method).filter(({ guarded }) => guarded);
      // Nobody stands before it, or it was described before.
      if (handlers.length === 0 || own(operation, 'x-zitadel') !== undefined) return operation;
      return withAccess(operation as Operation, handlers, schemes, statuses);
    });
    return [path, described];
  });
  const { components } = document;
  const { responses, schemas } = refusalComponents(statuses);
  return {
    ...document,
    paths: Object.fromEntries(paths) as T['paths'],
    components: {
      ...components,
      responses: { ...responses, ...components?.responses },
      schemas: { ...schemas, ...components?.schemas },
      securitySchemes: { ...schemes.used(), ...components?.securitySchemes },
    },
  };
}

/**
 * In place of `SwaggerModule` of @nestjs/swagger: each document that it creates has what the guard asks for, as {@link withZitadel} adds it.
 *
 * @example `import { ZitadelSwaggerModule as SwaggerModule } from 'nestjs-zitadel/swagger'`
 */
export class ZitadelSwaggerModule extends SwaggerModule {
  /**
   * @throws ZitadelRequirementError when the application does not import `ZitadelModule` of this package
   * @example `const document = ZitadelSwaggerModule.createDocument(app, new DocumentBuilder().setTitle('Things').build())`
   */
  static override createDocument(
    app: INestApplication,
    config: Omit<OpenAPIObject, 'paths'>,
    options: SwaggerDocumentOptions & ZitadelDocumentOptions = {},
  ): OpenAPIObject {
    return withZitadel(super.createDocument(app, config, options), app, options);
  }
}

/** `hasMore`: the version knows `query`, and a place for all other methods. */
function describedPath(
  item: object,
  hasMore: boolean,
  describe: (operation: unknown, method: string) => unknown,
): object {
  const place = hasMore ? 'additionalOperations' : 'x-oai-additionalOperations';
  const described: Record<string, unknown> = {};
  const more: Record<string, unknown> = {};
  for (const [method, operation] of Object.entries(Object(own(item, place)) as object)) {
    more[method] = describe(operation, method);
  }
  for (const [name, value] of Object.entries(item)) {
    if (name === place) continue;
    if (BESIDE.has(name) || name.startsWith('x-')) described[name] = value;
    else if (METHODS.has(name) || (hasMore && name === 'query')) {
      described[name] = describe(value, name);
    } else more[name.toUpperCase()] = describe(value, name);
  }
  return Object.keys(more).length === 0 ? described : { ...described, [place]: more };
}
