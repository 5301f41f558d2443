import type { INestApplicationContext } from '@nestjs/common';
import type { Requirement } from '../core/requirement/requirement.js';
import { zitadelOf } from './declarations.js';
import { type Inventoried, inventoryOf, type Place, type Reached } from './inventory.js';
import { atText, routeText, ruleText } from './route-table.js';

/** A handler, one way by which clients reach it, and what it asks for there. */
export interface Access {
  /** `other`: a kind of contexts that only a guard of yours with its own `requestOf` knows. */
  readonly door: 'http' | 'graphql' | 'ws' | 'message' | 'other';
  /** As clients name it: `GET /orgs/:orgId`, `QUERY org`, `EVENT chat`, `MESSAGE orders.list`. */
  readonly name: string;
  /** Of a route: `GET`, or `ALL`. */
  readonly verb?: string;
  /** Of a route: each with prefix and version. Missing if one of them is a regular expression. */
  readonly paths?: readonly string[];
  /** Of a route whose version does not stand in the path. Several: `1, 2`. `neutral` among them: no version. */
  readonly version?: string;
  /** Of a route that answers under some hosts only. Several: `a.example, b.example`. */
  readonly host?: string;
  /** The name of the class. */
  readonly controller: string;
  /** The name of the method. */
  readonly handler: string;
  /** `optional`: asked only of requests that carry a token. `undeclared`: nothing is declared, so the guard denies everybody. */
  readonly access: 'public' | 'optional' | 'required' | 'undeclared';
  /** What the caller must hold, with `required` and `optional`. */
  readonly requirement?: Requirement;
  /** What is asked for, in words. */
  readonly text: string;
  /** The name of the ZITADEL that is asked. Missing: the one without a name. */
  readonly zitadel?: string;
  /** Whether `@AllowImpersonation()` lets in whoever acts as another user. */
  readonly forActors: boolean;
  /** Whether the guard stands before it. If not, everybody gets in, whatever it asks for. */
  readonly guarded: boolean;
  /**
   * The guards that make it so, in words: `ZitadelManagerGuard`, or a guard of yours that stands for it. That is followed by
   * `(asks ZitadelManagerGuard)`, `(extends ...)`, `(in place of ...)` or `(overrides canActivate)`.
   */
  readonly guards: readonly string[];
}

/**
 * Every handler of an application and what it asks for, as the log shows it at boot: routes, fields of GraphQL, messages of gateways and of
 * microservices. It can be read as soon as `NestFactory.create()` is done, before `listen()`.
 *
 * @throws ZitadelRequirementError when the application does not import `ZitadelModule` of this package
 * @example `const open = accessOf(app).filter(({ guarded, access }) => !guarded || access === 'public')`
 */
export function accessOf(app: INestApplicationContext): readonly Access[] {
  return accessesIn(inventoryOf(app).read());
}

/** @internal Of an inventory that was read already. */
export const accessesIn = ({ reached }: Inventoried): readonly Access[] =>
  reached.flatMap((each) => each.places.map((place) => accessAt(each, place)));

/** @internal A name for each path of a route. */
export function namesOf({ name, verb, paths, ...at }: Access): readonly string[] {
  if (verb === undefined || paths === undefined) return [name];
  return paths.map((path) => `${verb} ${path}${atText(at)}`);
}

function accessAt({ handler, rule }: Reached, { way, path, lost, guards }: Place): Access {
  const zitadel = zitadelOf(rule);
  const isAsking = rule.type === 'required' || rule.type === 'optional';
  return {
    door: way.door === 'rpc' ? 'message' : way.door,
    name: path ? routeText(path) : way.text,
    ...(path && { verb: path.verb }),
    ...(path?.paths && { paths: path.paths }),
    ...(path?.version !== undefined && { version: path.version }),
    ...(path?.host !== undefined && { host: path.host }),
    controller: handler.type.name,
    handler: handler.method,
    access: rule.type,
    ...(isAsking && { requirement: rule.requirement }),
    text: ruleText(rule),
    ...(zitadel !== undefined && { zitadel }),
    forActors: isAsking && rule.forActors,
    guarded: lost === undefined,
    guards: lost === undefined ? guards : [],
  };
}
