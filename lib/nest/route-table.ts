import { RequestMethod, VERSION_NEUTRAL, VersioningType } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import { own } from '../core/own-properties.js';
import { requirementText } from '../core/requirement/requirement.js';
import { type Rule, zitadelOf } from './declarations.js';
import type { Handler } from './handlers.js';

/** A route as clients reach it. */
export interface RoutePath {
  readonly verb: string;
  /** Each with prefix and version. Undefined if one of them is not a text. */
  readonly paths: readonly string[] | undefined;
  /** Where the version does not stand in the path. */
  readonly version: string | undefined;
  /** Where Nest routes by the host, too. */
  readonly host: string | undefined;
}

/** Puts the paths of a route together as Nest does: prefix, version, module, controller, method. */
export function pathOf(
  { type, written, home }: Handler,
  config: ApplicationConfig,
  applicationId: string,
): RoutePath {
  const method = Number(Reflect.getMetadata('method', written) ?? 0);
  const verb = RequestMethod[method] ?? 'ALL';
  const versioning = config.getVersioning();
  const versions: readonly unknown[] = versioning
    ? [
        Reflect.getMetadata('__version__', written) ??
          Reflect.getMetadata('__version__', type) ??
          own(versioning, 'defaultVersion'),
      ].flat()
    : [];
  const inPath = versioning?.type === VersioningType.URI;
  const prefix = inPath ? versioning.prefix : undefined;
  const letter = prefix === false ? '' : (prefix ?? 'v');
  const places: readonly unknown[][] = [
    inPath ? versions.map((each) => (isNeutral(each) ? '' : `${letter}${String(each)}`)) : [],
    [ofModule(home?.metatype, applicationId)].flat(),
    [Reflect.getMetadata('path', type) as unknown].flat(),
    [Reflect.getMetadata('path', written) as unknown].flat(),
  ];
  const paths = places.reduce<string[] | undefined>(joinAll, ['']);
  const isVersioned = !inPath && !versions.every(isNeutral);
  const hosts = [Reflect.getMetadata('host', type) as unknown].flat().filter(Boolean);
  return {
    verb,
    paths: paths?.map((path) => withPrefix(path || '/', method, config)),
    version: isVersioned ? versions.map(versionText).join(', ') : undefined,
    host: hosts.length > 0 ? hosts.map(String).join(', ') : undefined,
  };
}

/** Whether Nest would find a parameter of this name in one of the paths. True if that is not known. */
export function takesParam({ paths }: RoutePath, name: string): boolean {
  // Without a name, wildcards are known by their place.
  if (!paths || /^(?:\d+|\*)$/.test(name)) return true;
  const literal = name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const named = new RegExp(`[:*](?:"${literal}"|${literal}(?![\\p{ID_Continue}$]))`, 'u');
  return paths.some((path) => named.test(path));
}

/** A route in words: `GET /v1/orgs/:orgId (version 2)`. */
export const routeText = ({ verb, paths, ...at }: RoutePath): string =>
  `${verb} ${paths?.join('|') ?? '(no text)'}${atText(at)}`;

/** What beside the path says whether a route is meant, in words: ` (version 2) (host a.example)`. */
export function atText({ version, host }: Partial<Pick<RoutePath, 'version' | 'host'>>): string {
  const ofVersion = version === undefined ? '' : ` (version ${version})`;
  return host === undefined ? ofVersion : `${ofVersion} (host ${host})`;
}

const isNeutral = (version: unknown): boolean =>
  version === undefined || version === VERSION_NEUTRAL;

const versionText = (version: unknown): string =>
  isNeutral(version) ? 'neutral' : String(version);

/** Set by RouterModule. */
function ofModule(module: unknown, applicationId: string): unknown {
  if (typeof module !== 'function') return '';
  const path: unknown = Reflect.getMetadata(`__module_path__${applicationId}`, module);
  return path ?? Reflect.getMetadata('__module_path__', module) ?? '';
}

function joinAll(paths: string[] | undefined, places: unknown[]): string[] | undefined {
  if (!paths || places.length === 0) return paths;
  const texts = places.map((each) => each ?? '');
  if (!texts.every((each) => typeof each === 'string')) return undefined;
  return paths.flatMap((path) => texts.map((each) => join(path, each)));
}

function join(path: string, more: string): string {
  const parts = more.split('/').filter(Boolean);
  return [path, ...parts].join('/');
}

function withPrefix(path: string, method: RequestMethod, config: ApplicationConfig): string {
  const prefix = config.getGlobalPrefix();
  const { exclude = [] } = config.getGlobalPrefixOptions();
  const isExcluded = exclude.some(
    ({ requestMethod, pathRegex }) =>
      (requestMethod === RequestMethod.ALL || requestMethod === method) && pathRegex.test(path),
  );
  const whole = isExcluded || !prefix ? path : join(join('', prefix), path);
  return whole || '/';
}

/** What a route asks for, in words. */
export function ruleText(rule: Rule): string {
  const zitadel = zitadelOf(rule);
  return `${textOf(rule)}${zitadel === undefined ? '' : `, at ZITADEL '${zitadel}'`}`;
}

function textOf(rule: Rule): string {
  if (rule.type === 'undeclared') return 'declares nothing: always denied';
  if (rule.type === 'public')
    return rule.lifts ? 'public (lifts what the class asks for)' : 'public';
  const none = rule.type === 'optional' ? ', or none' : '';
  const actors = rule.forActors ? ', or whoever acts as one' : '';
  const lifts = rule.lifts ? ' (instead of what the class asks for)' : '';
  return `${requirementText(rule.requirement)}${none}${actors}${lifts}`;
}
