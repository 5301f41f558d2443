import type { MemberResource, Org, Project, User, ZitadelEmulator } from 'nestjs-zitadel/testing';

/** Somebody who can sign in, and why one would. */
export interface Person {
  readonly user: User;
  readonly about: string;
}

/** The world of the emulator: small enough to be understood, wide enough to meet every kind of answer. */
export interface Seeds {
  readonly organizations: readonly Org[];
  readonly projects: readonly (Project & { readonly roleKeys: readonly string[] })[];
  readonly people: readonly Person[];
  /** The JSON key file of the service user that grants projects. */
  readonly serviceUserKey: string;
}

/**
 * Names in ZITADEL are written by tenants, so one of ours is written by a hostile one: markup, quotes, line breaks, marks that turn the
 * direction of writing around. It has to be text wherever it shows up, and nowhere in a log.
 */
export const HOSTILE_NAME =
  '<img src=x onerror=alert(1)> "Umbrella" & \'Sons\'\r\n<script>alert(2)</script>\u200f \u202eevil';

/** Enough of them that granting a project to all takes a while. */
const DEPOTS = ['Basel', 'Bern', 'Bologna', 'Bordeaux', 'Bremen', 'Bristol', 'Brno', 'Bruges'];

type Membership = readonly [on: MemberResource, roles: readonly string[]];

/** Builds the world with the emulator's verbs. */
export function seed(zitadel: ZitadelEmulator): Seeds {
  const acme = zitadel.addOrg('Acme Robotics');
  const globex = zitadel.addOrg('Globex Logistics');
  const hostile = zitadel.addOrg(HOSTILE_NAME);

  const depots = DEPOTS.map((town) => zitadel.addOrg(`Depot ${town}`));

  const portalRoles = ['reader', 'writer', 'billing'];
  const portal = zitadel.addProject('Customer portal', { org: acme, roles: portalRoles });
  const fleetRoles = ['dispatcher', 'driver'];
  const fleet = zitadel.addProject('Fleet map', { org: globex, roles: fleetRoles });
  const grant = zitadel.grantProject(portal, globex, ['reader']);

  const people: Person[] = [];
  const person = (name: string, org: Org, about: string, memberships: readonly Membership[]) => {
    const userName = name.toLowerCase();
    const user = zitadel.addUser(userName, {
      org,
      displayName: `${name} – ${about}`,
      givenName: name,
    });
    for (const [on, roles] of memberships) zitadel.addMember(user, on, roles);
    people.push({ user: { ...user, name }, about });
  };
  person('Ines', zitadel.rootOrg, 'owns the whole instance', [['instance', ['IAM_OWNER']]]);
  person('Ivo', zitadel.rootOrg, 'may look at the whole instance', [
    ['instance', ['IAM_OWNER_VIEWER']],
  ]);
  person('Olga', acme, 'owns Acme Robotics', [[{ org: acme }, ['ORG_OWNER']]]);
  person('Otto', acme, 'may look at Acme Robotics', [[{ org: acme }, ['ORG_OWNER_VIEWER']]]);
  person('Petra', acme, 'owns one project, the Customer portal', [
    [{ project: portal }, ['PROJECT_OWNER']],
  ]);
  person('Gwen', globex, 'manages what Globex was granted of the portal', [
    [{ projectGrant: grant }, ['PROJECT_GRANT_OWNER']],
  ]);
  person('Max', globex, 'a little of everything', [
    [{ org: globex }, ['ORG_OWNER']],
    [{ org: acme }, ['ORG_USER_MANAGER']],
    [{ project: portal }, ['PROJECT_OWNER_VIEWER']],
    [{ projectGrant: grant }, ['PROJECT_GRANT_OWNER_VIEWER']],
  ]);
  person('Hal', hostile, 'owns an organization with a hostile name', [
    [{ org: hostile }, ['ORG_OWNER']],
  ]);
  person('Nils', acme, 'holds no manager role at all', []);

  const granter = zitadel.addServiceUser('sample-granter', { org: acme });
  for (const org of [acme, globex]) zitadel.addMember(granter, { org }, ['ORG_OWNER']);

  return {
    organizations: [acme, globex, hostile, ...depots],
    projects: [
      { ...portal, roleKeys: portalRoles },
      { ...fleet, roleKeys: fleetRoles },
    ],
    people,
    serviceUserKey: zitadel.addKey(granter),
  };
}
