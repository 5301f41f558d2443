import { send, textAt } from './http.js';
import { accessTokenOf, bySecret, codeFlow, signedInFrom, usualScopes } from './oauth.js';
import type { RealCredentials } from './real-credentials.js';
import { get, removal, type RealSteps } from './real-steps.js';
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
      const path = '/v2/sessions';
      const { body } = await api.call({ method: 'POST', path, token, body: { checks } });
      session.sessionId = textAt(body, 'sessionId');
      session.sessionToken = textAt(body, 'sessionToken');
      const finished = await api.call({
        method: 'POST',
        path: `/v2/oidc/auth_requests/${authRequest}`,
        token,
        body: { session },
      });
      return textAt(finished.body, 'callbackUrl');
    });
    return signedInFrom(redeemed, session);
  }

  async endSession({ sessionId }: SignedIn): Promise<void> {
    const token = await this.#token();
    const path = `/v2/sessions/${sessionId}`;
    await this.steps.api.call({ ...removal(path), token, body: {} });
    await until('session ended', async () => {
      return (await this.steps.api.ask({ ...get(path), token })).status === 404;
    });
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
    const { api } = this.steps;
    const { policy } = (await api.call(get(POLICY))).body as { policy?: Record<string, unknown> };
    const { details: _details, ...before } = policy ?? {};
    if (before['enableImpersonation'] !== true) {
      const change = (body: object) => ({ method: 'PUT', path: POLICY, body });
      this.undo.add('impersonation in the security policy', change(before));
      await api.call(change({ ...before, enableImpersonation: true }));
      await this.steps.seen('impersonation allowed', get(POLICY), ({ body }) => {
        const now = body['policy'] as Record<string, unknown> | undefined;
        return now?.['enableImpersonation'] === true;
      });
    }
    return this.credentials.addExchange(project, 'exchange');
  }

  /** The login client is made when somebody first signs in. */
  #token(): Promise<string> {
    this.#loginToken ??= this.addLoginClient().then(
      async (client) => (await this.credentials.addPat(client)).token,
    );
    return this.#loginToken;
  }
}
