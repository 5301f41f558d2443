import type { HttpAdapterHost } from '@nestjs/core';
import { own } from '../core/own-properties.js';
import type { RoutePath } from './route-table.js';

/** A route, or middleware with a path, that stands on the HTTP adapter itself. No guard of Nest can stand before it. */
export interface OwnRoute {
  /** `USE`: middleware. */
  readonly verbs: readonly string[];
  /** Undefined if Express does not tell it. */
  readonly path: string | undefined;
  /** Middleware that answers requests by itself: a router, another application, files. */
  readonly answers?: boolean;
  /** It was added before Nest made its routes, or after. */
  readonly isOther?: boolean;
  /** Whether requests of this path get there. */
  matches(path: string): boolean;
}

/** What Express keeps of a route or a middleware. Express 4 has `regexp`, and only newer versions of Express 5 have `rawPath`. */
interface Layer {
  readonly name: string;
  readonly rawPath?: unknown;
  readonly slash?: boolean;
  readonly regexp?: { readonly fast_slash?: boolean };
  readonly handle?: { readonly stack?: readonly Layer[] };
  readonly route?: { readonly path: unknown; readonly methods: Readonly<Record<string, unknown>> };
  match(path: string): unknown;
}

/** What Fastify says of a route when it is added. */
interface FastifyRoute {
  readonly method: string | readonly string[];
  readonly url: string;
}

interface Fastify {
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): unknown;
}

/** What `use()` takes: functions, with paths before them or without. */
type Used = readonly unknown[];

/** Finds the routes of the HTTP adapter. Fastify tells each when it is added, Express keeps a list. */
export class OwnRoutes {
  readonly #ofFastify: OwnRoute[] = [];
  #late: ((route: OwnRoute) => void) | undefined;
  #before: ReadonlySet<Layer> | undefined;
  #ofNest: ReadonlySet<Layer> | undefined;

  constructor(private readonly adapters: HttpAdapterHost) {
    // In a test the application gets its adapter later.
    if (adapters.httpAdapter) this.#listen();
    else adapters.init$?.subscribe(() => this.#listen());
  }

  /** All that was added so far. What Fastify adds from now on is told to `late`, and is not added if that throws. */
  find(late?: (route: OwnRoute) => void): readonly OwnRoute[] {
    if (!this.adapters.httpAdapter) return [];
    if (this.#type() === 'fastify') {
      this.#late = late ?? this.#late;
      return this.#ofFastify;
    }
    return routesOf(this.#layers(), this.#ofNest);
  }

  /** Called before Nest makes its routes. */
  beforeNest(): void {
    this.#before = new Set(this.#layers());
  }

  /** Called when Nest has made them: what Express has now, and had not before, can be one of them, and nothing else can. */
  afterNest(): void {
    const before = this.#before;
    if (before) this.#ofNest = new Set(this.#layers().filter((each) => !before.has(each)));
  }

  #layers(): readonly Layer[] {
    if (!this.adapters.httpAdapter || this.#type() === 'fastify') return [];
    const app: unknown = this.adapters.httpAdapter.getInstance();
    // Reading the name of Express 5 throws in Express 4.
    const router: unknown = Object(app)[isOfExpress4(app) ? '_router' : 'router'];
    return (Object(router) as { readonly stack?: readonly Layer[] }).stack ?? [];
  }

  #type(): string {
    return this.adapters.httpAdapter.getType();
  }

  #listen(): void {
    const { httpAdapter } = this.adapters;
    // A microservice has no adapter.
    if (!httpAdapter || this.#type() !== 'fastify') return;
    httpAdapter.getInstance<Fastify>().addHook('onRoute', ({ method, url }) => {
      this.#add(routeOf([method].flat(), url));
    });
    // Fastify does not tell of middleware. That of modules does not take this way.
    const use = httpAdapter.use.bind(httpAdapter) as (...used: Used) => unknown;
    httpAdapter.use = (...used: Used) => {
      middlewareOf(used).forEach((each) => this.#add(each));
      return use(...used);
    };
  }

  #add(route: OwnRoute): void {
    this.#late?.(route);
    this.#ofFastify.push(route);
  }
}

const isOfExpress4 = (app: unknown): boolean => typeof Object(app).lazyrouter === 'function';

/** Names of Express's own. The middleware of a module has another name, also if it wraps one of these. */
const ANSWERING: ReadonlySet<string> = new Set(['router', 'mounted_app', 'serveStatic']);

function middlewareOf(used: Used): readonly OwnRoute[] {
  const functions = used.flat().filter((each) => typeof each === 'function');
  const answers = functions.some(({ name }) => ANSWERING.has(name));
  return used
    .flat()
    .filter((each) => typeof each === 'string' && each !== '/')
    .map((path) => ({ ...routeOf(['USE'], String(path)), answers }));
}

function routesOf(layers: readonly Layer[], ofNest?: ReadonlySet<Layer>): readonly OwnRoute[] {
  return layers.flatMap((layer): readonly OwnRoute[] => {
    if (layer.route) {
      const verbs = Object.keys(layer.route.methods).map((verb) => verb.toUpperCase());
      const isOther = ofNest?.has(layer) === false;
      return [layer.route.path]
        .flat()
        .map((path) => ({ ...routeOf(verbs, String(path)), isOther }));
    }
    const isEverywhere = layer.slash ?? layer.regexp?.fast_slash ?? false;
    if (isEverywhere) return routesOf(layer.handle?.stack ?? []);
    const paths = layer.rawPath === undefined ? undefined : [layer.rawPath].flat().map(String);
    const answers = ANSWERING.has(layer.name);
    if (paths) return paths.map((path) => ({ ...routeOf(['USE'], path), answers }));
    return [{ verbs: ['USE'], path: undefined, matches: (path) => layer.match(path) === true }];
  });
}

function routeOf(verbs: readonly string[], path: string): OwnRoute {
  return { verbs, path, matches: (other) => isBelow(path, other) };
}

function isBelow(path: string, other: string): boolean {
  return path === other || path.startsWith(other.endsWith('/') ? other : `${other}/`);
}

/** Whether Nest itself added a route, for one of its handlers, or to answer what none of them takes. */
export function isOfNest(
  { verbs, path, answers, isOther }: OwnRoute,
  routes: readonly RoutePath[],
  prefix: string,
): boolean {
  if (path === undefined) return false;
  // Nest itself puts a router at the prefix, for what none of its routes takes.
  if (answers === true) return startOf(path) === startOf(`/${prefix.replace(/^\//, '')}`);
  if (verbs[0] === 'USE') return isOnTheWay(path, routes, prefix);
  if (isOther === true) return false;
  return verbs.every((verb) =>
    routes.some(
      (route) =>
        (route.verb === 'ALL' ||
          route.verb === verb ||
          (verb === 'HEAD' && route.verb === 'GET')) &&
        (route.paths?.some((each) => sameStart(each, path)) ?? true),
    ),
  );
}

/** Middleware before routes of Nest, or before all: those of a module, and what answers if no route takes a request. */
function isOnTheWay(path: string, routes: readonly RoutePath[], prefix: string): boolean {
  const start = startOf(path);
  return [`/${prefix.replace(/^\//, '')}`, ...routes.flatMap(({ paths }) => paths ?? [])].some(
    (each) => start === '' || isBelow(startOf(each), start),
  );
}

/** Without what Nest adds last: what answers if no route takes a request, at each path that is excluded from the prefix. */
export function withoutFallbacks(
  found: readonly OwnRoute[],
  routes: readonly RoutePath[],
): readonly OwnRoute[] {
  const paths = new Set(routes.flatMap((route) => route.paths ?? []));
  const isLike = ({ verbs, path = '' }: OwnRoute) => isForAll(verbs) && paths.has(path);
  const last = found.findLastIndex((each) => each.answers !== true && !isLike(each));
  return found.filter((each, place) => place <= last || !isLike(each));
}

const isForAll = (verbs: readonly string[]): boolean => verbs.length > 9;

/** Nest rewrites wildcards, so only what stands before them is compared, and whether there is one. */
function sameStart(one: string, other: string): boolean {
  return startOf(one) === startOf(other) && WILD.test(one) === WILD.test(other);
}

const WILD = /[{(*]/;

function startOf(path: string): string {
  return path.replace(/[{(*].*$/s, '').replace(/\/+$/, '');
}

/** Whether a route serves GraphQL, whose fields are guarded one by one. */
export function isOfGraphQL(route: OwnRoute, options: readonly unknown[], prefix: string): boolean {
  return options.some((each) => {
    const path = own(each, 'path') ?? '/graphql';
    if (typeof path !== 'string') return false;
    const from = path.startsWith('/') ? path : `/${path}`;
    const below = `/${prefix.replace(/^\/|\/$/g, '')}${from}`;
    return [from, ...(own(each, 'useGlobalPrefix') === true ? [below] : [])].some((place) =>
      route.path === undefined ? route.matches(place) : route.path === place,
    );
  });
}

/** A route in words. */
export function ownRouteText({ verbs, path }: OwnRoute): string {
  const verb = isForAll(verbs) ? 'ALL' : verbs.join('|');
  return `${verb} ${path ?? '(a path that Express does not tell)'}`;
}
