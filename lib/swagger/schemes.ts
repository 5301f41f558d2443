import type { ModulesContainer } from '@nestjs/core';
import { scopesLacking } from '../core/refusal-words.js';
import type { Requirement } from '../core/requirement/requirement.js';
import { optionsOfModule } from '../nest/zitadel-modules.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { described, placesIn } from './requirement.js';

/** A way to sign in at one instance of ZITADEL. */
interface Scheme {
  /** Its name among the security schemes of the document. */
  readonly name: string;
  readonly options: ResolvedOptions;
}

const audienceScope = (project: string) => `urn:zitadel:iam:org:project:id:${project}:aud`;
const HOME_SCOPE = 'urn:zitadel:iam:user:resourceowner';

/** The ways to sign in that routes ask for. They are made when the first route needs them. */
export class Schemes {
  readonly #byZitadel = new Map<string | undefined, readonly Scheme[]>();

  constructor(
    private readonly modules: ModulesContainer,
    private readonly base: string,
  ) {}

  /** Schemes, any one of which is enough, with their scopes: one for each instance whose tokens the route takes. */
  scopesFor(zitadel: string | undefined, requirement: Requirement | undefined) {
    return this.#of(zitadel).map(({ name, options }) => ({
      name,
      scopes: scopesOf(options, requirement),
    }));
  }

  /** What was asked for so far: OpenID Connect, found by the discovery of the issuer. */
  used() {
    const all = [...this.#byZitadel.values()].flat();
    return Object.fromEntries(
      all.map(({ name, options: { issuer, token } }) => [
        name,
        {
          type: 'openIdConnect' as const,
          description: `Sign in at ${issuer}, and send the access token${token ? ' where the application looks for it' : ': Authorization: Bearer <token>'}`,
          openIdConnectUrl: `${issuer}/.well-known/openid-configuration`,
        },
      ]),
    );
  }

  #of(zitadel: string | undefined): readonly Scheme[] {
    const known = this.#byZitadel.get(zitadel);
    if (known) return known;
    const base = zitadel === undefined ? this.base : `${this.base}-${nameable(zitadel)}`;
    const all = optionsOfModule(this.modules, zitadel);
    const made = all.map((options) => ({
      name: all.length === 1 ? base : `${base}-${nameable(new URL(options.issuer).host)}`,
      options,
    }));
    this.#byZitadel.set(zitadel, made);
    return made;
  }
}

/** The names of components have letters, digits and `._-` only. */
const nameable = (name: string): string => name.replace(/[^\w.-]/g, '-');

/** What a token must have been requested with, to be enough for a route. */
function scopesOf(options: ResolvedOptions, requirement: Requirement | undefined): string[] {
  const { audience, memberships, projectRoles } = options;
  // Where ZITADEL is asked instead, the token need not tell it.
  const told = requirement && projectRoles !== 'api' ? requirement : undefined;
  const projects = told ? projectsIn(told, options.projectId) : [];
  const isOfCaller = told && placesIn(described(told)).includes('caller');
  return [
    ...new Set([
      'openid',
      ...[...audience, ...projects].filter((each) => /^\d+$/.test(each)).map(audienceScope),
      ...(memberships.as === 'serviceUser' ? [] : [audienceScope('zitadel')]),
      ...(told ? scopesLacking(told, {}) : []),
      ...(isOfCaller ? [HOME_SCOPE] : []),
    ]),
  ];
}

/** The projects whose roles are asked for, where that does not depend on the request. A token tells roles of its audience only. */
function projectsIn(requirement: Requirement, own: string | undefined): readonly string[] {
  switch (requirement.type) {
    case 'allOf':
    case 'anyOf':
      return requirement.of.flatMap((part) => projectsIn(part, own));
    case 'projectRole': {
      const { project } = requirement;
      const id = project ? project.source.from === 'literal' && project.source.id : own;
      return typeof id === 'string' ? [id] : [];
    }
    default:
      return [];
  }
}
