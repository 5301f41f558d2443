// A world of the corpus on an emulator, and the callers of its cases.
import {
  basic,
  introspection,
  jwt,
  pat,
  userinfo,
  type ZitadelLogger,
  type ZitadelOptions,
} from 'nestjs-zitadel';
import { ZitadelEmulator, type MemberResource } from 'nestjs-zitadel/testing';
import type { CorpusCase, FileOptions, WorldFile } from './case.js';
import { credentialOf, type Credential } from './tokens.js';

const SILENT: ZitadelLogger = { debug() {}, log() {}, warn() {}, error() {} };

/** Whoever asks. */
export interface Asking {
  readonly userId: string;
  readonly credential: Credential;
}

/** A world that is up. */
export class CorpusWorld {
  readonly #ids: ReadonlyMap<string, string>;
  readonly #askers = new Map<string, Asking>();

  private constructor(
    readonly zitadel: ZitadelEmulator,
    ids: ReadonlyMap<string, string>,
    private readonly reader: string,
    private readonly fileOptions: FileOptions,
  ) {
    this.#ids = ids;
  }

  static async create(file: WorldFile, options: FileOptions): Promise<CorpusWorld> {
    const zitadel = await ZitadelEmulator.start();
    const ids = new Map<string, string>(Object.entries(file.unknown));
    for (const name of file.orgs) ids.set(name, zitadel.addOrg(name).id);
    const idOf = (name: string) => {
      const id = ids.get(name);
      if (id === undefined) throw new Error(`the world has no ${name}`);
      return id;
    };
    for (const [name, { of, roles }] of Object.entries(file.projects)) {
      ids.set(name, zitadel.addProject(name, { org: idOf(of), roles }).id);
    }
    for (const [name, { of, to, roles }] of Object.entries(file.grants)) {
      ids.set(name, zitadel.grantProject(idOf(of), idOf(to), roles).id);
    }
    for (const [role, permissions] of Object.entries(file.customRoles)) {
      zitadel.setRolePermissions(role, permissions);
    }
    const reader = zitadel.addServiceUser('reader');
    zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
    for (const endpoint of options.fails ?? []) zitadel.fail(endpoint, 503);
    return new CorpusWorld(zitadel, ids, reader.id, options);
  }

  stop(): Promise<void> {
    return this.zitadel.stop();
  }

  /** The options of the library in this world. */
  options(more: Partial<ZitadelOptions> = {}): ZitadelOptions {
    const { zitadel } = this;
    const {
      hierarchy,
      idPattern,
      projectId,
      callers,
      memberships,
      projectRoles,
      allowImpersonation,
    } = this.fileOptions;
    const client = callers === 'introspection' ? this.#apiClient() : undefined;
    const { audience, ...options } = zitadel.options({
      logger: SILENT,
      ...(hierarchy && { hierarchy: hierarchy as NonNullable<ZitadelOptions['hierarchy']> }),
      ...(idPattern !== undefined && { idPattern: new RegExp(idPattern) }),
      ...(projectId !== undefined && { projectId: this.filled(projectId) }),
      ...(client && { callers: introspection(client) }),
      ...(callers === 'userinfo' && { callers: userinfo() }),
      ...(memberships && { memberships: { as: 'serviceUser' }, callers: jwt() }),
      ...((memberships ?? projectRoles) && { serviceUser: pat(zitadel.patFor(this.reader)) }),
      ...(projectRoles && { projectRoles }),
      ...(allowImpersonation && { allowImpersonation }),
      ...more,
    });
    // userinfo() does not show for whom a token is.
    return callers === 'userinfo' || audience === undefined ? options : { ...options, audience };
  }

  #apiClient() {
    const { audience } = this.zitadel.options();
    const project = String(Array.isArray(audience) ? audience[0] : audience);
    const { clientId, clientSecret } = this.zitadel.addApiApplication(project);
    return basic(clientId, clientSecret);
  }

  /** A text with the ids that it names. */
  filled(text: string): string {
    return text.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) => this.#ids.get(name) ?? whole);
  }

  /** The same for everything in a value. */
  filledIn(value: unknown): unknown {
    if (typeof value === 'string') return this.filled(value);
    if (Array.isArray(value)) return value.map((each) => this.filledIn(each));
    if (typeof value !== 'object' || value === null) return value;
    // As JSON.parse does: a member __proto__ is an own property.
    const entries = Object.entries(value).map(([name, each]) => [
      this.filled(name),
      this.filledIn(each),
    ]);
    return Object.fromEntries(entries) as unknown;
  }

  /** What a row is on: `org:acme`. */
  resource(name: string): {
    readonly kind: string;
    readonly id: string;
    readonly on: MemberResource;
  } {
    const [kind = '', of = ''] = name.split(':');
    const id = this.#ids.get(of) ?? '';
    if (kind === 'instance') return { kind, id, on: 'instance' };
    if (kind === 'org') return { kind, id, on: { org: id } };
    if (kind === 'project') return { kind, id, on: { project: id } };
    if (kind === 'grant') return { kind: 'projectGrant', id, on: { projectGrant: id } };
    throw new Error(`${name}: instance, org:NAME, project:NAME or grant:NAME`);
  }

  /** The caller of a case: the same for all cases that describe the same one. */
  callerOf({ holds = {}, home, roles = {}, claims = {}, token = 'good' }: CorpusCase): Asking {
    const key = JSON.stringify([holds, home, roles, claims, token]);
    const known = this.#askers.get(key);
    if (known) return known;
    const { zitadel } = this;
    const name = `user ${String(this.#askers.size + 1)}`;
    const isMachine = token === 'a personal access token';
    const user = isMachine ? zitadel.addServiceUser(name) : zitadel.addUser(name);
    for (const [on, names] of Object.entries(holds)) {
      zitadel.addMember(user, this.resource(on).on, names);
    }
    const given = Object.entries(roles).map(([of, byRole]) => [
      `urn:zitadel:iam:org:project:${this.filled(`{${of}}`)}:roles`,
      Object.fromEntries(
        Object.entries(byRole).map(([role, org]) => [
          role,
          { [this.filled(`{${org}}`)]: `${org}.localhost` },
        ]),
      ),
    ]);
    const asking = {
      userId: user.id,
      credential: credentialOf(token, zitadel, user.id, {
        claims: {
          ...(home !== undefined && {
            'urn:zitadel:iam:user:resourceowner:id': this.filled(`{${home}}`),
          }),
          ...(Object.fromEntries(given) as object),
          ...(this.filledIn(claims) as object),
        },
      }),
    };
    this.#askers.set(key, asking);
    return asking;
  }
}
