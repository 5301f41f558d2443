import type { INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { OpenAPIObject } from '@nestjs/swagger';
import { type Operation, withAccess } from './operation.js';
import { refusalComponents, type RefusalStatus } from './refusals.js';
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

const METHODS: ReadonlySet<string> = new Set(
  'get put post delete options head patch trace query search'.split(' '),
);

/**
 * Adds to an OpenAPI document what the guard asks for: the sign-in at ZITADEL, and for each route its security with scopes, what it asks for in
 * words and as `x-zitadel`, and the answers 400, 401, 403 and 503 of the guard. Public routes are shown public. What the application wrote
 * itself stays, and the document that is handed in does not change.
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
  const paths = mapValues(document.paths, (item, path) => {
    // An extension of the application.
    if (!path.startsWith('/')) return item;
    return mapValues(item, (operation: unknown, method) => {
      if (!METHODS.has(method)) return operation;
      const handlers = handlersAt(path, method);
      // Nobody stands before it, or it was described before.
      const isOurs = handlers.length > 0 && handlers.every(({ guarded }) => guarded);
      if (!isOurs || Object.hasOwn(operation as object, 'x-zitadel')) return operation;
      const described = withAccess(operation as Operation, handlers, schemes);
      described.statuses.forEach((status) => statuses.add(status));
      return described.operation;
    });
  });
  const { components } = document;
  const { responses, schemas } = refusalComponents(statuses);
  return {
    ...document,
    paths,
    components: {
      ...components,
      responses: { ...responses, ...components?.responses },
      schemas: { ...schemas, ...components?.schemas },
      securitySchemes: { ...schemes.used(), ...components?.securitySchemes },
    },
  };
}

function mapValues<T extends object>(
  object: T,
  map: (value: T[keyof T & string], name: string) => unknown,
): T {
  const entries = Object.entries(object) as [string, T[keyof T & string]][];
  return Object.fromEntries(entries.map(([name, value]) => [name, map(value, name)])) as T;
}
