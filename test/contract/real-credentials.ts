import { requiredId, textAt } from './http.js';
import { bySecret } from './oauth.js';
import { V1 } from './real-calls.js';
import type { RealSteps } from './real-steps.js';
import {
  REDIRECT_URI,
  until,
  type ApiApplication,
  type Application,
  type Key,
  type KeyApplication,
  type Pat,
  type Project,
  type User,
} from './world.js';

const CODE_APP = {
  redirectUris: [REDIRECT_URI],
  responseTypes: ['OIDC_RESPONSE_TYPE_CODE'],
  appType: 'OIDC_APP_TYPE_WEB',
  devMode: true,
};

/** Keys, secrets, tokens and applications of a real server. */
export class RealCredentials {
  constructor(private readonly steps: RealSteps) {}

  async addKey(user: User): Promise<Key> {
    const path = keysOf(user);
    const body = await this.steps.post(path, aKey(), user.orgId);
    const key = { keyId: requiredId(body, 'keyId'), json: fileFrom(body) };
    await this.steps.listed(path, user.orgId, key.keyId, true);
    return key;
  }

  removeKey(user: User, key: Key): Promise<void> {
    return this.steps.drop(keysOf(user), user.orgId, key.keyId);
  }

  async addSecret(user: User): Promise<string> {
    const path = `${V1}/users/${user.id}/secret`;
    const { body } = await this.steps.change({ method: 'PUT', path, org: user.orgId, body: {} });
    const secret = textAt(body, 'clientSecret');
    await until(`secret of ${user.userName}`, async () => {
      const { origin } = this.steps.api;
      return (await bySecret(origin, user.userName, secret, ['openid'])).status === 200;
    });
    return secret;
  }

  async addPat(user: User): Promise<Pat> {
    const path = patsOf(user);
    const body = await this.steps.post(path, expiring(), user.orgId);
    const pat = { id: requiredId(body, 'tokenId'), token: textAt(body, 'token') };
    await this.steps.listed(path, user.orgId, pat.id, true);
    return pat;
  }

  removePat(user: User, pat: Pat): Promise<void> {
    return this.steps.drop(patsOf(user), user.orgId, pat.id);
  }

  addApi(project: Project, name: string): Promise<ApiApplication> {
    const wanted = { name, authMethodType: 'API_AUTH_METHOD_TYPE_BASIC' };
    return this.#add(project, 'api', wanted);
  }

  async addApiWithKey(project: Project, name: string): Promise<KeyApplication> {
    const wanted = { name, authMethodType: 'API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT' };
    const application = await this.#add(project, 'api', wanted);
    const path = `${V1}/projects/${project.id}/apps/${application.appId}/keys`;
    const body = await this.steps.post(path, aKey(), project.orgId);
    const key = { keyId: requiredId(body, 'id'), json: fileFrom(body) };
    await this.steps.listed(path, project.orgId, key.keyId, true);
    return { ...application, key };
  }

  /** Public, for people, with refresh tokens. */
  addWeb(project: Project, name: string): Promise<Application> {
    return this.#add(project, 'oidc', {
      name,
      ...CODE_APP,
      grantTypes: ['OIDC_GRANT_TYPE_AUTHORIZATION_CODE', 'OIDC_GRANT_TYPE_REFRESH_TOKEN'],
      authMethodType: 'OIDC_AUTH_METHOD_TYPE_NONE',
      accessTokenType: 'OIDC_TOKEN_TYPE_JWT',
      loginVersion: { loginV2: {} },
    });
  }

  /** For token exchange. */
  addExchange(project: Project, name: string): Promise<ApiApplication> {
    return this.#add(project, 'oidc', {
      name,
      ...CODE_APP,
      grantTypes: ['OIDC_GRANT_TYPE_AUTHORIZATION_CODE', 'OIDC_GRANT_TYPE_TOKEN_EXCHANGE'],
      authMethodType: 'OIDC_AUTH_METHOD_TYPE_BASIC',
    });
  }

  async deactivateApplication({ appId, project }: Application): Promise<void> {
    const path = `${V1}/projects/${project.id}/apps/${appId}`;
    await this.steps.post(`${path}/_deactivate`, {}, project.orgId);
    await this.steps.inState('APP_STATE_INACTIVE', path, project.orgId, 'app');
  }

  async removeApplication({ appId, project }: Application): Promise<void> {
    const path = `${V1}/projects/${project.id}/apps/${appId}`;
    await this.steps.delete(path, project.orgId);
    await this.steps.gone(path, project.orgId);
  }

  async #add(project: Project, kind: 'api' | 'oidc', wanted: object): Promise<ApiApplication> {
    const path = `${V1}/projects/${project.id}/apps`;
    const body = await this.steps.post(`${path}/${kind}`, wanted, project.orgId);
    const appId = requiredId(body, 'appId');
    await this.steps.inState('APP_STATE_ACTIVE', `${path}/${appId}`, project.orgId, 'app');
    const [clientId, clientSecret] = [textAt(body, 'clientId'), textAt(body, 'clientSecret')];
    return { appId, clientId, clientSecret, project };
  }
}

/** Longer than a run, and not long after it, should anything be left behind. */
function expiring(): { expirationDate: string } {
  return { expirationDate: new Date(Date.now() + 3_600_000).toISOString() };
}

function aKey(): object {
  return { type: 'KEY_TYPE_JSON', ...expiring() };
}

function keysOf(user: User): string {
  return `${V1}/users/${user.id}/keys`;
}

function patsOf(user: User): string {
  return `${V1}/users/${user.id}/pats`;
}

/** Key files come as base64 of their JSON. */
function fileFrom(body: Readonly<Record<string, unknown>>): string {
  return Buffer.from(textAt(body, 'keyDetails'), 'base64').toString();
}
