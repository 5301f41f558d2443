import { randomBytes } from 'node:crypto';
import { key, type MembershipRow, type ZitadelOptions } from 'nestjs-zitadel';
import { ZitadelEmulator, type MemberResource } from 'nestjs-zitadel/testing';
import { seed, type Seeds } from './seed.js';

/** How long a made-up outage lasts, so that nobody is left with a broken demo. */
const OUTAGE_MS = 60_000;

/** How long ZITADEL's deliveries take. */
const DELIVERY_MS = [10, 1_100] as const;

/** How long a grant takes. */
const GRANT_MS = 250;

/** What the page offers to try routes on. */
export interface Resources {
  readonly organizations: readonly Named[];
  readonly projects: readonly (Named & {
    readonly organizationId?: string;
    readonly roleKeys?: readonly string[];
  })[];
  readonly projectGrants: readonly Named[];
  readonly people: readonly Named[];
}

interface Named {
  readonly id: string;
  /** Written by the owner of the thing: text, never markup. */
  readonly name: string;
}

/** A membership that somebody was given, and what they held there before. */
interface GivenRole {
  readonly kind: Kind;
  readonly id: string;
  readonly before: readonly string[];
}

/** A membership that somebody gave up, and could have back. */
export interface TakenRole {
  readonly kind: Kind;
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
}

type Kind = 'instance' | 'org' | 'project' | 'projectGrant';

/** The emulator with its seeds, and what one can do to it from the page. */
export class Demo {
  readonly #taken = new Map<string, TakenRole[]>();
  readonly #given = new Map<string, GivenRole[]>();
  /** Where the instances of the app listen; ZITADEL's deliveries go to the first. */
  #instances: readonly string[] = [];
  readonly #signingKey = randomBytes(27).toString('base64url');
  #outage: NodeJS.Timeout | undefined;

  private constructor(
    private readonly zitadel: ZitadelEmulator,
    private readonly seeds: Seeds,
  ) {}

  static async start(): Promise<Demo> {
    const zitadel = await ZitadelEmulator.start();
    // As a ZITADEL does. Without it nobody would see the progress bar.
    zitadel.delay('addGrant', GRANT_MS);
    return new Demo(zitadel, seed(zitadel));
  }

  get issuer(): string {
    return this.zitadel.issuer;
  }

  get projectId(): string {
    return this.zitadel.defaultProject.id;
  }

  get options(): ZitadelOptions {
    return this.zitadel.options({
      serviceUser: key(this.seeds.serviceUserKey),
      events: { signingKeys: this.#signingKey },
    });
  }

  /** Who can be picked on the sign-in page. */
  get people(): readonly { readonly name: string; readonly about: string }[] {
    return this.seeds.people.map(({ user, about }) => ({ name: user.name, about }));
  }

  /** A token of one of the people, as signing in would give it. Undefined: there is nobody of that name. */
  tokenOf(name: unknown): string | undefined {
    const person = this.seeds.people.find(({ user }) => user.name === name);
    return person && this.zitadel.tokenFor(person.user);
  }

  /** The organization that owns a project. */
  ownerOf(projectId: string): string | undefined {
    return this.seeds.projects.find(({ id }) => id === projectId)?.orgId;
  }

  /** The organization that was granted a project. */
  granteeOf(projectGrantId: string): string | undefined {
    return this.zitadel.grants().find(({ id }) => id === projectGrantId)?.grantedOrgId;
  }

  get outage(): boolean {
    return this.#outage !== undefined;
  }

  /** What there is to try routes on, for all people. */
  resources(): Resources {
    const { organizations, projects, people } = this.seeds;
    const nameOf = (all: readonly { id: string; name: string }[], id: string) =>
      all.find((each) => each.id === id)?.name ?? id;
    return {
      organizations: organizations.map(({ id, name }) => ({ id, name })),
      projects: projects.map(({ id, name, orgId, roleKeys }) => ({
        id,
        name,
        organizationId: orgId,
        roleKeys,
      })),
      projectGrants: this.zitadel.grants().map(({ id, projectId, grantedOrgId }) => ({
        id,
        name: `${nameOf(projects, projectId)}, granted to ${nameOf(organizations, grantedOrgId)}`,
      })),
      people: people.map(({ user }) => ({ id: user.id, name: user.name })),
    };
  }

  get instances(): readonly string[] {
    return this.#instances;
  }

  /** ZITADEL reaches one of them only, as it would through a load balancer. */
  tellTheFirstOf(instances: readonly string[]): void {
    this.#instances = instances;
    const [first] = instances;
    this.zitadel.addTarget(`${String(first)}/zitadel/events`, { signingKey: this.#signingKey });
    this.zitadel.deliveries({ lose: 1 });
  }

  addApplication(origins: readonly string[]): string {
    const redirectUris = origins.map((origin) => `${origin}/`);
    return this.zitadel.addApplication(this.projectId, { redirectUris }).clientId;
  }

  /** From now on ZITADEL does not tell memberships, for a minute at most. */
  startOutage(): void {
    this.endOutage();
    this.zitadel.fail('memberships', 503);
    this.#outage = setTimeout(() => this.endOutage(), OUTAGE_MS).unref();
  }

  endOutage(): void {
    clearTimeout(this.#outage);
    this.#outage = undefined;
    this.zitadel.heal('memberships');
  }

  /**
   * Takes a membership away from its holder, at ZITADEL: what the app remembers of it is another matter. Unless it is `told`, the delivery
   * gets lost on its way.
   */
  takeRole({ userId, on, displayName, roles }: MembershipRow, told: boolean): void {
    if (!on) return;
    this.zitadel.deliveries(told ? { delayMs: DELIVERY_MS, seed: Date.now() } : { lose: 1 });
    const taken = this.#taken.get(userId) ?? [];
    this.zitadel.removeMember(userId, resourceOf(on.kind, on.id));
    this.#taken.set(userId, [...taken, { ...on, name: displayName, roles }]);
  }

  /** What the user gave up so far. */
  takenRoles(userId: string): readonly TakenRole[] {
    return this.#taken.get(userId) ?? [];
  }

  /** Gives back all that the user gave up, but for what is gone meanwhile. */
  giveRolesBack(userId: string): void {
    for (const { kind, id, roles } of this.takenRoles(userId)) {
      // A grant that was removed took its memberships along.
      if (kind === 'projectGrant' && !this.zitadel.grants().some((grant) => grant.id === id)) {
        continue;
      }
      this.zitadel.addMember(userId, resourceOf(kind, id), roles);
    }
    this.#taken.delete(userId);
  }

  /** Gives somebody one more role. `before`: what they hold there already. */
  giveRole(userId: string, kind: Kind, id: string, role: string, before: readonly string[]): void {
    const on = resourceOf(kind, id);
    if (before.length > 0) this.zitadel.changeMember(userId, on, [...before, role]);
    else this.zitadel.addMember(userId, on, [role]);
    this.#given.set(userId, [...(this.#given.get(userId) ?? []), { kind, id, before }]);
  }

  /** Takes back what was given, the last first, but for what is gone meanwhile. */
  takeGivenBack(userId: string, holds: (kind: Kind, id: string) => boolean): number {
    const given = this.#given.get(userId) ?? [];
    for (const { kind, id, before } of given.toReversed()) {
      if (!holds(kind, id)) continue;
      if (before.length > 0) this.zitadel.changeMember(userId, resourceOf(kind, id), before);
      else this.zitadel.removeMember(userId, resourceOf(kind, id));
    }
    this.#given.delete(userId);
    return given.length;
  }

  async stop(): Promise<void> {
    this.endOutage();
    await this.zitadel.stop();
  }
}

function resourceOf(kind: Kind, id: string): MemberResource {
  switch (kind) {
    case 'instance':
      return 'instance';
    case 'org':
      return { org: id };
    case 'project':
      return { project: id };
    case 'projectGrant':
      return { projectGrant: id };
  }
}
