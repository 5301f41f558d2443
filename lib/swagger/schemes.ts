import type { INestApplicationContext } from '@nestjs/common';
import { scopesLacking } from '../core/refusal-words.js';
import type { Requirement } from '../core/requirement/requirement.js';
import { isSeveral } from '../validate-instances.js';
import { givenOptions } from '../nest/given-options.js';
import type { InstanceOptions } from '../instances-option.js';
import { described, placesIn } from './requirement.js';

/** A way to sign in at one instance of ZITADEL. */
interface Scheme {
  /** Its name among the security schemes of the document. */
  readonly name: string;
  readonly options: InstanceOptions;
}

/** A security scheme of OpenAPI: OpenID Connect, found by the discovery of the issuer. */
export interface OpenIdConnectScheme {
  readonly type: 'openIdConnect';
  readonly description: string;
  readonly openIdConnectUrl: string;
}

const audienceScope = (project: string) => `urn:zitadel:iam:org:project:id:${project}:aud`;
const HOME_SCOPE = 'urn:zitadel:iam:user:resourceowner';

/** The ways to sign in that routes ask for. They are made when the first route needs them. */
export class Schemes {
  readonly #byZitadel = new Map<string | undefined, readonly Scheme[]>();

  constructor(
    private readonly app: INestApplicationContext,
    private readonly base: string,
  ) {}

  /** Security requirements, any one of which is enough: one for each instance whose tokens the route takes. */
  securityFor(
    zitadel: string | undefined,
    requirement: Requirement | undefined,
  ): readonly Readonly<Record<string, string[]>>[] {
    return this.#of(zitadel).map(({ name, options }) => ({
      [name]: scopesOf(options, requirement),
    }));
  }

  /** What was asked for so far. */
  used(): Readonly<Record<string, OpenIdConnectScheme>> {
    const all = [...this.#byZitadel.values()].flat();
    return Object.fromEntries(
      all.map(({ name, options: { issuer } }) => [
        name,
        {
          type: 'openIdConnect',
          description: `Sign in at ${issuer}, and send the access token: Authorization: Bearer <token>`,
          openIdConnectUrl: `${issuer}/.well-known/openid-configuration`,
        },
      ]),
    );
  }

  #of(zitadel: string | undefined): readonly Scheme[] {
    const known = this.#byZitadel.get(zitadel);
    if (known) return known;
    const options = givenOptions(this.app, zitadel);
    const base = zitadel === undefined ? this.base : `${this.base}-${nameable(zitadel)}`;
    const made = isSeveral(options)
      ? options.instances.map((each) => ({
          name: `${base}-${nameable(new URL(each.issuer).host)}`,
          options: each,
        }))
      : [{ name: base, options }];
    this.#byZitadel.set(zitadel, made);
    return made;
  }
}

/** The names of components have letters, digits and `._-` only. */
const nameable = (name: string): string => name.replace(/[^\w.-]/g, '-');

/** What a token must have been requested with, to be enough for a route. */
function scopesOf(options: InstanceOptions, requirement: Requirement | undefined): string[] {
  const { audience = [], memberships, projectRoles } = options;
  const isOfCaller = requirement && placesIn(described(requirement)).includes('caller');
  const asksZitadel = projectRoles === 'api';
  return [
    ...new Set([
      'openid',
      ...[audience]
        .flat()
        .filter((each) => /^\d+$/.test(each))
        .map(audienceScope),
      ...(memberships?.as === 'serviceUser' ? [] : [audienceScope('zitadel')]),
      ...(requirement && !asksZitadel ? scopesLacking(requirement, {}) : []),
      ...(isOfCaller && !asksZitadel ? [HOME_SCOPE] : []),
    ]),
  ];
}
