import { isObject, requiredId, send, textAt, type Answer } from './http.js';
import { accessTokenOf, bySecret, codeFlow, signedInFrom, usualScopes } from './oauth.js';
import type { RealCredentials } from './real-credentials.js';
import type { Call } from './real-api.js';
import type { RealBounds } from './real-bounds.js';
import { get, removal } from './real-calls.js';
import type { RealSteps } from './real-steps.js';
import type { Undo } from './undo.js';
import {
  type ApiApplication,
  type Application,
  type Project,
  type SignedIn,
  type User,
  until,
} from './world.js';

const POLICY = '/admin/v1/policies/security';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** How somebody signs in at a real server without a browser: the session API v2, as a login client. */
export class RealSignIn {
  #loginToken: Promise<string> | undefined;
  #exchange: Promise<ApiApplication> | undefined;

  constructor(
    private readonly steps: RealSteps,
    private readonly credentials: RealCredentials,
    private readonly bounds: RealBounds,
    private readonly undo: Undo,
    private readonly addLoginClient: () => Promise<User>,
  ) {}

  async signIn(
    person: User,
    password: string,
    to: Application,
    scopes: readonly string[],
  ): Promise<SignedIn> {
    const { api } = this.steps;
    const session = { sessionId: '', sessionToken: '' };
    const redeemed = await codeFlow(api.origin, to, scopes, async (authRequest) => {
      const token = await this.#token();
      const checks = { user: { userId: person.id }, password: { password } };
      const make = async () => {
        const call = { method: 'POST', path: '/v2/sessions', token, body: { checks } };
        const { body } = await this.steps.change(call);
        session.sessionId = requiredId(body, 'sessionId');
        session.sessionToken = textAt(body, 'sessionToken');
        this.bounds.noteSession(session.sessionId);
        return session.sessionId;
      };
      await this.undo.making(sessionOf(person), make, (id) => endOf(id, token));
      const finished = await this.steps.change({
        method: 'POST',
        path: `/v2/oidc/auth_requests/${authRequest}`,
        token,
        body: { session },
      });
      return textAt(finished.body, 'callbackUrl');
    });
    return signedInFrom(redeemed, session);
  }

  async endSession(person: User, { sessionId }: SignedIn): Promise<void> {
    const token = await this.#token();
    const call = endOf(sessionId, token);
    await this.steps.change(call);
    await until('session ended', async () => {
      return (await this.steps.api.ask({ ...get(call.path), token })).status === 404;
    });
    this.undo.drop(sessionOf(person));
  }

  /** Switches impersonation on for the instance until the end of the run. The actor must be an impersonator. */
  async impersonate(user: User, actor: User, project: Project): Promise<string> {
    const { origin } = this.steps.api;
    this.#exchange ??= this.#allowImpersonation(project);
    const { clientId, clientSecret } = await this.#exchange;
    const scopes = usualScopes(project);
    const secret = await this.credentials.addSecret(actor);
    const acting = await bySecret(origin, actor.userName, secret, scopes);
    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    const exchanged = await send(origin, {
      method: 'POST',
      path: '/oauth/v2/token',
      headers: { authorization: `Basic ${basic}` },
      form: {
        grant_type: EXCHANGE,
        subject_token: user.id,
        subject_token_type: 'urn:zitadel:params:oauth:token-type:user_id',
        actor_token: accessTokenOf(acting, 'token of the actor'),
        actor_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        requested_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        scope: scopes.join(' '),
      },
    });
    return accessTokenOf(exchanged, 'token exchange');
  }

  async #allowImpersonation(project: Project): Promise<ApiApplication> {
    const before = await this.#policy();
    if (before['enableImpersonation'] !== true) {
      const change = (body: object) => ({ method: 'PUT', path: POLICY, body });
      this.undo.add('impersonation in the security policy', async () => {
        // Whatever else somebody has changed in it meanwhile stays.
        const now = await this.#policy();
        const allowed = now['enableImpersonation'] === true;
        return allowed ? change({ ...now, enableImpersonation: false }) : undefined;
      });
      await this.steps.change(change({ ...before, enableImpersonation: true }));
      await this.steps.seen('impersonation allowed', get(POLICY), (answer) => {
        return policyIn(answer)?.['enableImpersonation'] === true;
      });
    }
    return this.credentials.addExchange(project, 'exchange');
  }

  async #policy(): Promise<Record<string, unknown>> {
    const answer = await this.steps.api.ask(get(POLICY));
    const policy = policyIn(answer);
    if (policy !== undefined) return policy;
    throw new Error(`GET ${POLICY}: ${String(answer.status)} ${answer.text.slice(0, 200)}`);
  }

  /** The login client is made when somebody first signs in. */
  #token(): Promise<string> {
    this.#loginToken ??= this.addLoginClient().then(
      async (client) => (await this.credentials.addPat(client)).token,
    );
    return this.#loginToken;
  }
}

function sessionOf({ userName }: User): string {
  return `session of ${userName}`;
}

function endOf(sessionId: string, token: string): Call {
  return { ...removal(`/v2/sessions/${sessionId}`), token, body: {} };
}

/** The policy as it can be written back; undefined where the answer is none. */
function policyIn({ status, body }: Answer): Record<string, unknown> | undefined {
  if (status !== 200 || !isObject(body['policy'])) return undefined;
  const { details: _details, ...policy } = body['policy'];
  return policy;
}
