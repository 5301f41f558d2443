import { isRefusal, type Refusal } from '../core/decision.js';
import { ZitadelError } from '../core/errors.js';
import { SingleFlight } from '../core/memory/flight.js';
import { has } from '../core/own-properties.js';
import { type Call, OURSELVES } from './call.js';
import { type Credential, signAssertion } from './credentials.js';
import type { Discover } from './discovery.js';
import type { ApiGeneration, Generation } from './generation.js';
import type { Http } from './http.js';
import {
  bodyOrThrow,
  isNotServedError,
  refusalOfOurs,
  unfit,
  ZitadelApiError,
} from './refusals.js';
import { type Done, isDone, isTrouble, type Reply } from './reply.js';

const WHAT = 'token of the service user';
const SCOPE = 'openid urn:zitadel:iam:org:project:id:zitadel:aud';
const RENEW_AHEAD_MS = 60_000;
/** A failure to sign in is not repeated for every request that needs the token. */
const REFUSED_FOR_MS = 1_000;

const NOT_ACCEPTED: Refusal = {
  reason: 'misconfigured',
  detail: 'ZITADEL does not accept the service user’s token',
  remedy: 'look whether the service user is active and its token or key still exists',
};

interface Token {
  readonly value: string;
  readonly renewAt: number;
  readonly expiresAt: number;
}

/**
 * The access token of our service user. It is requested once at a time, renewed ahead of its end, and dropped when ZITADEL refuses it. Key
 * files use the JWT profile (RFC 7523), client credentials RFC 6749, section 4.4. A personal access token is used as it is.
 */
export class ServiceToken {
  // A private field: a TypeScript-private property would show when the object is printed.
  readonly #credential: Credential;
  #token: Token | undefined;
  readonly #flight = new SingleFlight<Token | Refusal>();
  #refused: { readonly refusal: Refusal; readonly until: number } | undefined;

  constructor(
    private readonly http: Http,
    private readonly discover: Discover,
    private readonly issuer: string,
    credential: Credential,
  ) {
    this.#credential = credential;
  }

  async get(): Promise<string | Refusal> {
    const now = performance.now();
    if (this.#credential.type === 'pat') {
      const refused = this.#refused;
      return refused && refused.until > now ? refused.refusal : this.#credential.token;
    }
    const token = this.#token;
    if (token && token.renewAt > now) return token.value;
    const renewing = this.#renew();
    // While it is still valid, the request does not wait for the new one.
    if (token && token.expiresAt > now) return token.value;
    const renewed = await renewing;
    return isRefusal(renewed) ? renewed : renewed.value;
  }

  /** Makes a call as the service user. If ZITADEL refuses the token, a new one is tried once. */
  async call(call: Call): Promise<Reply | Refusal> {
    for (let again = true; ; again = false) {
      const token = await this.get();
      if (typeof token !== 'string') return token;
      const reply = await this.http({ ...call, token });
      if (isTrouble(reply) || reply.status !== 401) return reply;
      if (this.#token?.value === token) this.#token = undefined;
      if (!again || this.#credential.type === 'pat') {
        this.#refused = { refusal: NOT_ACCEPTED, until: performance.now() + REFUSED_FOR_MS };
        return NOT_ACCEPTED;
      }
    }
  }

  #renew(): Promise<Token | Refusal> {
    const refused = this.#refused;
    if (refused && refused.until > performance.now()) return Promise.resolve(refused.refusal);
    return this.#flight.ask(async () => {
      const outcome = await this.#request();
      this.#refused = isRefusal(outcome)
        ? { refusal: outcome, until: performance.now() + REFUSED_FOR_MS }
        : undefined;
      return outcome;
    });
  }

  async #request(): Promise<Token | Refusal> {
    const endpoints = await this.discover();
    if (isRefusal(endpoints)) return endpoints;
    const askedAt = performance.now();
    const reply = await this.http({
      family: 'token',
      method: 'POST',
      path: endpoints.token,
      form: await this.#form(),
      who: OURSELVES,
      repeatable: true,
    });
    if (!isDone(reply)) return refusalOfOurs(reply, WHAT, this.#remedy());
    const { access_token: value, expires_in: seconds } = reply.body;
    if (typeof value !== 'string' || typeof seconds !== 'number') {
      return unfit(WHAT, 'the reply has no token');
    }
    const lifeMs = Math.max(0, seconds * 1_000);
    this.#token = {
      value,
      renewAt: askedAt + lifeMs - Math.min(RENEW_AHEAD_MS, lifeMs / 10),
      expiresAt: askedAt + lifeMs,
    };
    return this.#token;
  }

  #remedy(): string {
    return this.#credential.type === 'key'
      ? 'the key file may belong to another instance or a removed user, or its key may be deleted; compare the clocks too'
      : 'check the client id and secret of the service user';
  }

  async #form(): Promise<Record<string, string>> {
    const credential = this.#credential;
    if (credential.type === 'secret') {
      return {
        grant_type: 'client_credentials',
        scope: SCOPE,
        client_id: credential.clientId,
        client_secret: credential.clientSecret,
      };
    }
    if (credential.type !== 'key') throw new Error('a personal access token is never requested');
    return {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      scope: SCOPE,
      assertion: await signAssertion(credential.userId, credential, this.issuer),
    };
  }
}

/** The service user's token. @throws ZitadelError `service_user_refused` when no service user is set up */
export function requireServiceToken(
  serviceToken: ServiceToken | undefined,
  what: string,
): ServiceToken {
  if (serviceToken) return serviceToken;
  throw new ZitadelError(
    'service_user_refused',
    `${what}: no service user is set up; give the option serviceUser, e.g. keyFile('./service-user.json')`,
  );
}

/**
 * Makes a call about no user in particular, as the service user. Returns the body of the reply.
 *
 * @throws ZitadelError as {@link bodyOrThrow} does
 */
export async function callAsServiceUser(
  serviceToken: ServiceToken | undefined,
  what: string,
  call: Omit<Call, 'who'>,
): Promise<Done['body']> {
  const token = requireServiceToken(serviceToken, what);
  return bodyOrThrow(await token.call({ ...call, who: OURSELVES }), what);
}

type Outcome<T> = { readonly done: T } | { readonly error: unknown };

/** Asks by the generation that is served. For tasks that throw a "no". */
export async function askOrThrow<T>(
  generation: ApiGeneration,
  task: (generation: Generation) => Promise<T>,
): Promise<T> {
  const outcome = await generation.ask<Outcome<T>>(async (asked) => {
    try {
      return { served: true, value: { done: await task(asked) } };
    } catch (error) {
      return { served: servedByError(error), value: { error } };
    }
  });
  if (has(outcome, 'error')) throw outcome.error;
  return outcome.done;
}

function servedByError(error: unknown): boolean | undefined {
  if (isNotServedError(error)) return false;
  return error instanceof ZitadelApiError && error.id !== undefined ? true : undefined;
}
