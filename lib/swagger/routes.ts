import type { INestApplicationContext } from '@nestjs/common';
import { type AbstractHttpAdapter, ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { type Access, accessOf } from '../nest/access.js';

/** Finds the handlers behind an operation of the document. */
type HandlersAt = (path: string, method: string) => readonly Access[];

/**
 * The document has its own way to write paths, and may leave out the global prefix. Where the version of a route does not stand in its path,
 * several handlers share one operation.
 */
export function routesOf(app: INestApplicationContext): HandlersAt {
  const prefix = app.get(ApplicationConfig, { strict: false }).getGlobalPrefix();
  const { httpAdapter } = app.get(HttpAdapterHost, { strict: false });
  // Fastify looks for a handler of the version first.
  const isInOrder = (httpAdapter as AbstractHttpAdapter | undefined)?.getType() !== 'fastify';
  const byPath = new Map<string, Access[]>();
  const note = (path: string, access: Access) => {
    const known = byPath.get(path) ?? [];
    if (!known.includes(access)) byPath.set(path, [...known, access]);
  };
  for (const access of accessOf(app)) {
    if (access.door !== 'http') continue;
    for (const path of access.paths ?? []) {
      for (const each of [path, withoutPrefix(path, prefix)]) {
        const written = asInDocument(each);
        note(written, access);
        note(shapeOf(written), access);
      }
    }
  }
  return (path, method) => {
    const written = withoutSlash(path);
    const found = byPath.get(written) ?? byPath.get(shapeOf(written)) ?? [];
    const verb = method.toUpperCase();
    const fitting = found.filter((each) => each.verb === verb || each.verb === 'ALL');
    return calledOf(fitting, isInOrder);
  };
}

/** What a handler takes. Undefined: any. */
interface Taken {
  readonly host: string | undefined;
  readonly version: string | undefined;
}

/**
 * Nest calls the first handler that takes the host and the version. If all are tried in order, one without a version takes what is left.
 */
function calledOf(handlers: readonly Access[], isInOrder: boolean): readonly Access[] {
  const taken: Taken[] = [];
  const isTaken = ({ host, version }: Taken) =>
    taken.some(
      (by) =>
        (by.host === undefined || by.host === host) &&
        (by.version === version || (isInOrder && by.version === undefined)),
    );
  return handlers.flatMap((each) => {
    const all = placesOf(each);
    const left = all.filter((place) => !isTaken(place));
    taken.push(...left);
    if (left.length === all.length) return [each];
    if (left.length === 0) return [];
    return byHost(left).map((place) => ({ ...each, ...place }));
  });
}

function placesOf({ host, version }: Access): readonly Taken[] {
  const hosts = host?.split(', ') ?? [undefined];
  const versions = version?.split(', ') ?? [undefined];
  return hosts.flatMap((of) => versions.map((each) => ({ host: of, version: each })));
}

/** Under one host other versions may be left than under another. */
function byHost(places: readonly Taken[]): readonly Pick<Access, 'host' | 'version'>[] {
  return [...new Set(places.map(({ host }) => host))].map((host) => {
    const versions = places.filter((each) => each.host === host).map(({ version }) => version);
    const version = versions.filter((each) => each !== undefined).join(', ');
    return { ...(host !== undefined && { host }), ...(version !== '' && { version }) };
  });
}

const NAME = String.raw`(?:"([^"]+)"|([\p{ID_Start}_$][\p{ID_Continue}$]*))`;
const PARTS = new RegExp(
  String.raw`\\(.)|(::)|\[:\]|[:*]${NAME}(?:\([^)]*\))?[?+*]?|\(\.\*\)|\*|(?<=\/)\+(?=\/|$)|[{}]`,
  'gu',
);

/** `/orgs/:orgId{/*rest}` is `/orgs/{orgId}/{rest}` in the document. */
function asInDocument(path: string): string {
  const written = path.replace(
    PARTS,
    (part, escaped?: string, colon?: string, quoted?: string, name?: string) => {
      if (escaped !== undefined) return escaped;
      if (colon !== undefined || part === '[:]') return ':';
      if (part === '{' || part === '}') return '';
      return `{${quoted ?? name ?? 'path'}}`;
    },
  );
  return withoutSlash(written);
}

/** Nest names some parameters by itself. */
const shapeOf = (path: string): string => path.replace(/\{[^}]*\}/g, '{}');

const withoutSlash = (path: string): string => path.replace(/\/+$/, '') || '/';

function withoutPrefix(path: string, prefix: string): string {
  const whole = `/${prefix.replace(/^\/+|\/+$/g, '')}`;
  return path.startsWith(`${whole}/`) ? path.slice(whole.length) : path;
}
