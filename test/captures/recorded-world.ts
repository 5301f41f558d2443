import { createPrivateKey, sign } from 'node:crypto';

import { type Org, type Project, type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { openReceiver, type Receiver } from '../support/deliveries.js';
import { IdPairs, decodePart } from './compare.js';
import { RECORDED_IDS } from './recording.js';

/** Where the recorded server was reached. */
export const RECORDED_ISSUER = 'http://localhost:8080';

const ADMIN = '400999942942428198';
const FIRST_PERSON = 'zitadel-admin@zitadel.localhost';
const INSTANCE = '400999942941838374';
const ZITADEL_PROJECT = '400999942941969446';
/** Keys of those whose key is shown, or whose token would show that it was asked with a secret. */
const RECORDED_KEYS = new Map([
  ['alice', '400999950005046310'],
  ['bob', 'key of bob'],
  ['dave', '400999950609026086'],
  ['olga', 'key of olga'],
]);
const SUFFIX = 'b737b2';

/** A key file, and the recorded key id that it stands for. */
export interface KeyFile {
  readonly keyId: string;
  readonly key: string;
}

/** The world of the recording, built with verbs, and what stands for its ids and secrets. */
export class RecordedWorld {
  readonly ids = new IdPairs();
  /** By recorded label, without the angle brackets. */
  readonly labels = new Map<string, string>();
  /** By recorded key id. */
  readonly keys = new Map<string, KeyFile>();
  readonly users = new Map<string, User>();
  readonly admin: User;
  /** From when on the events of the world were recorded: just before it was set up. */
  begin = '';
  orgs!: Readonly<Record<'acme' | 'globex' | 'initech', Org>>;
  portal!: Project;
  other!: Project;
  grantId = '';

  private constructor(
    readonly zitadel: ZitadelEmulator,
    /** Where events are delivered to. */
    readonly receiver: Receiver,
  ) {
    this.ids.set(INSTANCE, zitadel.instanceId);
    this.ids.set(ZITADEL_PROJECT, zitadel.zitadelProjectId);
    this.#named('root', zitadel.rootOrg.id);
    const person = zitadel.addUser(FIRST_PERSON, { displayName: 'ZITADEL Admin' });
    this.admin = zitadel.addServiceUser('admin-sa', { displayName: 'Admin service user' });
    this.ids.set(ADMIN, this.admin.id);
    for (const first of [person, this.admin]) {
      zitadel.addMember(first, { org: zitadel.rootOrg }, ['ORG_OWNER']);
      zitadel.addMember(first, 'instance', ['IAM_OWNER']);
    }
    this.labels.set('admin PAT', zitadel.patFor(this.admin));
    // The recorded server published two keys.
    zitadel.rotateKeys();
  }

  static async start(): Promise<RecordedWorld> {
    // Recorded from ZITADEL's main branch, before it limited the lists of API v1.
    const settings = { issuer: RECORDED_ISSUER, line: 'main', queryLimits: { v1Max: 0 } } as const;
    return new RecordedWorld(await ZitadelEmulator.start(settings), await openReceiver());
  }

  async stop(): Promise<void> {
    await this.zitadel.stop();
    await this.receiver.close();
  }

  user(name: string): User {
    const user = this.users.get(name);
    if (user === undefined) throw new Error(`nobody here is called ${name}`);
    return user;
  }

  /** The assertion that stands for a service user at the token endpoint, if it has a key here. */
  ownAssertion(name: string): string | undefined {
    const kid = RECORDED_KEYS.get(name);
    if (kid === undefined) return undefined;
    const { id } = this.user(name);
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: id, sub: id, aud: RECORDED_ISSUER, iat, exp: iat + 60 };
    return this.assertion({ alg: 'RS256', kid }, claims, 0);
  }

  setUp(): void {
    const { zitadel } = this;
    this.begin = momentBetween();
    zitadel.setEditor(this.admin);
    const [acme, globex, initech] = ['acme', 'globex', 'initech'].map((name) => this.#addOrg(name));
    if (acme === undefined || globex === undefined || initech === undefined)
      throw new Error('orgs');
    this.orgs = { acme, globex, initech };
    const roles = ['reader', 'writer', 'admin'];
    this.portal = zitadel.addProject('portal', { org: acme, roles, roleAssertion: true });
    this.other = zitadel.addProject('other', { org: acme });
    this.#named('portal', this.portal.id);
    this.#named('other', this.other.id);
    this.#addApplications();
    for (const name of ['alice', 'bob', 'carol', 'dave', 'frank', 'svc-acme', 'svc-actor']) {
      this.#addServiceUser(name, acme);
    }
    this.#addServiceUser('olga', acme, 'opaque');
    this.#addServiceUser('gina', globex);
    this.#addServiceUser('svc-viewer', zitadel.rootOrg);
    this.#addServiceUser('svc-login', zitadel.rootOrg);
    this.#addHank(acme);
    this.#addMembers();
    this.#addKeys();
  }

  /** An assertion of the recording, signed anew; `seconds` is how much later it is now. */
  assertion(
    header: { readonly alg: string; readonly kid: string },
    claims: object,
    seconds: number,
    keyId = header.kid,
  ): string {
    const moved = Object.entries(claims).map(([name, value]): [string, unknown] => [
      name,
      typeof value === 'number' ? value + seconds : value,
    ]);
    const kid = this.keys.get(header.kid)?.keyId ?? header.kid;
    const own = JSON.parse(this.ids.translate(JSON.stringify(Object.fromEntries(moved)))) as object;
    const content = [{ ...header, kid }, own].map(encode).join('.');
    const key = createPrivateKey(
      this.keys.get(keyId)?.key ?? [...this.keys.values()][0]?.key ?? '',
    );
    const signature = sign('RSA-SHA256', Buffer.from(content), key).toString('base64url');
    return `${content}.${signature}`;
  }

  #addOrg(name: string): Org {
    const org = this.zitadel.addOrg(`${name}-${SUFFIX}`);
    this.#named(name, org.id);
    // Whoever creates an organization owns it.
    this.zitadel.addMember(this.admin, { org }, ['ORG_OWNER']);
    return org;
  }

  #addServiceUser(name: string, org: Org, accessTokenType: 'jwt' | 'opaque' = 'jwt'): void {
    const options = { org, displayName: name, accessTokenType };
    const user = this.zitadel.addServiceUser(`${name}-${SUFFIX}`, options);
    this.users.set(name, user);
    this.#named(name, user.id);
    this.labels.set(`${name} PAT`, this.zitadel.patFor(user));
  }

  #addHank(org: Org): void {
    const names = { displayName: 'Hank Human', givenName: 'Hank', familyName: 'Human' };
    const hank = this.zitadel.addUser(`hank-${SUFFIX}`, { org, ...names });
    this.users.set('hank', hank);
    this.#named('hank', hank.id);
    this.labels.set('hank session token', this.zitadel.sessionTokenFor(hank));
  }

  #addApplications(): void {
    const { clientId, clientSecret } = this.zitadel.addApiApplication(this.portal);
    const key = keyFile(this.zitadel.addApplicationKey(this.portal));
    this.#named('apiBasic', clientId);
    this.labels.set('base64 of client id:client secret', basicOf(clientId, clientSecret));
    this.labels.set('base64 of client id:wrong', basicOf(clientId, 'wrong'));
    this.#named('apiKey', key.clientId);
    this.keys.set('400999949937937446', key);
  }

  #addMembers(): void {
    const { zitadel } = this;
    const { acme, globex } = this.orgs;
    zitadel.addMember(this.user('svc-viewer'), 'instance', ['IAM_OWNER_VIEWER']);
    zitadel.addMember(this.user('svc-login'), 'instance', ['IAM_LOGIN_CLIENT']);
    zitadel.addMember(this.user('hank'), { org: acme }, ['ORG_USER_MANAGER']);
    zitadel.addMember(this.user('svc-acme'), { org: acme }, ['ORG_OWNER']);
    zitadel.addMember(this.user('alice'), { org: acme }, ['ORG_OWNER', 'ORG_USER_MANAGER']);
    zitadel.addMember(this.user('gina'), { org: globex }, ['ORG_OWNER']);
    zitadel.addMember(this.user('frank'), { org: acme }, ['ORG_OWNER_VIEWER']);
    zitadel.addMember(this.user('frank'), { org: globex }, ['ORG_OWNER']);
    zitadel.addMember(this.user('olga'), { org: acme }, ['ORG_USER_MANAGER']);
    zitadel.addMember(this.user('bob'), { project: this.portal }, ['PROJECT_OWNER']);
    zitadel.addMember(this.user('frank'), { project: this.other }, ['PROJECT_OWNER_VIEWER']);
    const grant = zitadel.grantProject(this.portal, globex, ['reader', 'writer']);
    this.grantId = grant.id;
    this.#named('grant0', grant.id);
    zitadel.addMember(this.user('carol'), { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
    zitadel.authorizeUser(this.user('dave'), this.portal, ['reader']);
  }

  #addKeys(): void {
    for (const [name, recorded] of RECORDED_KEYS) {
      this.keys.set(recorded, keyFile(this.zitadel.addKey(this.user(name))));
    }
    const { clientSecret } = this.zitadel.addSecret(this.user('alice'));
    this.labels.set('client secret of alice', clientSecret);
  }

  #named(name: string, id: string): void {
    const recorded = RECORDED_IDS[name];
    if (recorded === undefined) throw new Error(`the recording knows nobody called ${name}`);
    this.ids.set(recorded, id);
  }
}

export function claimsOf(token: string): object {
  return decodePart(token.split('.')[1] ?? '') as object;
}

export function headerOf(token: string): object {
  return decodePart(token.split('.')[0] ?? '') as object;
}

/** A moment after everything that was done before, and before everything that is done from now on. */
function momentBetween(): string {
  const moment = Date.now() + 1;
  while (Date.now() <= moment);
  return new Date(moment).toISOString();
}

export function basicOf(clientId: string, clientSecret: string): string {
  return Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
}

function keyFile(json: string): KeyFile & { readonly clientId: string } {
  return JSON.parse(json) as KeyFile & { readonly clientId: string };
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
