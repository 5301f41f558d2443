import { textAt } from './http.js';
import {
  accessTokenOf,
  audienceOf,
  byAssertion,
  bySecret,
  assertionOf,
  openKey,
  usualScopes,
  type OpenKey,
} from './oauth.js';
import {
  until,
  type ApiApplication,
  type Application,
  type Grant,
  type KeyApplication,
  type Org,
  type Project,
  type SignedIn,
  type User,
  type World,
} from './world.js';

export const PORTAL_ROLES = ['reader', 'writer', 'admin'] as const;
const ROLE_SCOPES = ['urn:zitadel:iam:org:projects:roles', 'urn:zitadel:iam:user:resourceowner'];

/** Ids by the names that cases give them, as `{name}` in paths and bodies. */
export type Names = Readonly<Record<string, string>>;

type Orgs = Readonly<Record<'acme' | 'globex' | 'initech', Org>>;
export type Inhabitant =
  | 'alice'
  | 'bob'
  | 'carol'
  | 'dave'
  | 'frank'
  | 'gina'
  | 'olga'
  | 'hank'
  | 'svc-acme'
  | 'svc-actor'
  | 'svc-viewer';

export interface Inhabitants {
  readonly orgs: Orgs;
  readonly portal: Project;
  readonly other: Project;
  readonly users: Readonly<Record<Inhabitant, User>>;
  readonly grant: Grant;
  readonly apiBasic: ApiApplication;
  readonly apiKey: KeyApplication;
  readonly web: Application;
}

/** The world that the cases happen in, and the tokens of those who live there. */
export class Scene {
  readonly names: Names;
  readonly issuer: string;
  readonly #nameOf = new Map<string, string>();
  readonly #tokens = new Map<string, Promise<string>>();
  readonly #secrets = new Map<string, Promise<string>>();
  readonly #keys = new Map<string, Promise<OpenKey>>();
  #signedIn: Promise<SignedIn> | undefined;
  #elsewhere: Promise<Org> | undefined;

  constructor(
    readonly world: World,
    readonly made: Inhabitants,
  ) {
    this.issuer = world.issuer;
    const { orgs, users, portal, other, grant } = made;
    this.names = {
      root: world.root.id,
      acme: orgs.acme.id,
      globex: orgs.globex.id,
      initech: orgs.initech.id,
      portal: portal.id,
      other: other.id,
      grant: grant.id,
      apiBasic: made.apiBasic.clientId,
      apiKey: made.apiKey.clientId,
      web: made.web.clientId,
      ...Object.fromEntries(Object.entries(users).map(([name, user]) => [name, user.id])),
    };
    for (const [name, id] of Object.entries(this.names)) this.#nameOf.set(id, name);
  }

  /** What the cases call an id; `another` for ids that they do not know. */
  name(id: string): string {
    return this.#nameOf.get(id) ?? 'another';
  }

  /** Lets {@link name} know what a case made. */
  call(id: string, name: string): void {
    this.#nameOf.set(id, name);
  }

  /** Puts ids for `{name}`. @throws on a name that nobody gave */
  fill(text: string, more: Names = {}): string {
    return text.replace(/\{([A-Za-z][\w-]*)\}/g, (_whole, name: string) => {
      const id = more[name] ?? this.names[name];
      if (id === undefined) throw new Error(`nothing here is called ${name}`);
      return id;
    });
  }

  user(name: string): User {
    const user = this.made.users[name as Inhabitant] as User | undefined;
    if (user === undefined) throw new Error(`nobody here is called ${name}`);
    return user;
  }

  /**
   * A token by what it is: `alice`, `alice PAT`, `alice id token`, `alice without ZITADEL`, `alice for nobody`,
   * `dave with roles`, `alice impersonated`, `stranger granted ORG_OWNER`, `hank`, `hank id token`, `hank session token`, `admin`, `garbage`.
   */
  token(label: string): Promise<string> {
    const known = this.#tokens.get(label);
    if (known) return known;
    const token = this.#makeToken(label);
    this.#tokens.set(label, token);
    return token;
  }

  /** The key file of an inhabitant, opened. */
  key(name: string): Promise<OpenKey> {
    const known = this.#keys.get(name);
    if (known) return known;
    const key = this.world.addKey(this.user(name)).then(({ json }) => openKey(json));
    this.#keys.set(name, key);
    return key;
  }

  secret(name: string): Promise<string> {
    const known = this.#secrets.get(name);
    if (known) return known;
    const secret = this.world.addSecret(this.user(name));
    this.#secrets.set(name, secret);
    return secret;
  }

  get scopes(): readonly string[] {
    return usualScopes(this.made.portal);
  }

  /** A fresh token of a service user that a case made. */
  async tokenOf(user: User, scopes: readonly string[] = this.scopes): Promise<string> {
    const secret = await this.world.addSecret(user);
    const answer = await bySecret(this.issuer, user.userName, secret, scopes);
    return accessTokenOf(answer, `token of ${user.userName}`);
  }

  /** An organization that has nothing to do with the others. */
  elsewhere(): Promise<Org> {
    this.#elsewhere ??= this.world.addOrg('elsewhere');
    return this.#elsewhere;
  }

  /** Waits for what a change of the case itself makes visible; at once where reads never lag. */
  until(what: string, ask: () => Promise<boolean>): Promise<void> {
    return until(what, ask, Math.max(1_000, this.world.patienceMs));
  }

  async #makeToken(label: string): Promise<string> {
    const [name = '', ...rest] = label.split(' ');
    const kind = rest.join(' ');
    if (label === 'garbage') return 'garbage';
    if (label === 'admin') return this.world.adminToken;
    if (name === 'hank') return this.#personsToken(kind);
    if (name === 'stranger') return this.#strangersToken(kind);
    switch (kind) {
      case '':
        return this.#access(name, this.scopes);
      case 'PAT':
        return (await this.world.addPat(this.user(name))).token;
      case 'id token':
        return this.#idToken(name);
      case 'without ZITADEL':
        return this.#access(name, ['openid', audienceOf(this.made.portal)]);
      case 'for nobody':
        return this.#access(name, ['openid']);
      case 'with roles':
        return this.#access(name, [...this.scopes, ...ROLE_SCOPES]);
      case 'impersonated': {
        const { users, portal } = this.made;
        return this.world.impersonate(this.user(name), users['svc-actor'], portal);
      }
      default:
        throw new Error(`there is no token '${label}'`);
    }
  }

  /** Hank signs in when first somebody wants to know. */
  hank(): Promise<SignedIn> {
    const { users, web } = this.made;
    this.#signedIn ??= this.world.signIn(users.hank, web, [...this.scopes, 'offline_access']);
    return this.#signedIn;
  }

  async #personsToken(kind: string): Promise<string> {
    const { accessToken, idToken, sessionToken } = await this.hank();
    if (kind === '') return accessToken;
    return kind === 'id token' ? idToken : sessionToken;
  }

  /** Of somebody who lives elsewhere, and has this role on the grant, at one of its organizations, or on the instance. */
  async #strangersToken(kind: string): Promise<string> {
    const [place = '', role = ''] = kind.split(' ');
    const { grant, orgs } = this.made;
    const on = {
      grant: { grant },
      owner: { org: orgs.acme },
      granted: { org: orgs.globex },
      third: { org: orgs.initech },
    }[place];
    const name = `stranger-${kind.replaceAll(/[ _]/g, '-').toLowerCase()}`;
    const user = await this.world.addServiceUser(await this.elsewhere(), name);
    await this.world.addMember(user, on ?? 'instance', [role]);
    return this.tokenOf(user);
  }

  async #access(name: string, scopes: readonly string[]): Promise<string> {
    const { userName } = this.user(name);
    const answer = await bySecret(this.issuer, userName, await this.secret(name), scopes);
    return accessTokenOf(answer, `token of ${name}`);
  }

  async #idToken(name: string): Promise<string> {
    const assertion = assertionOf(this.issuer, await this.key(name));
    const answer = await byAssertion(this.issuer, assertion, this.scopes);
    return textAt(answer.body, 'id_token');
  }
}
