import { org, pat, projectGrant, role, type Requirement } from 'nestjs-zitadel/express';
import type { Case } from '../case.js';
import { accessTokenOf, assertionOf, byAssertion, openKey, refresh, revoke } from '../oauth.js';
import type { Scene } from '../scene.js';
import type { Stage } from '../stage.js';
import { CHANGES, COLUMNS, type Change, type Column } from '../table.js';
import type { Application, Generation, Org, SignedIn, User } from '../world.js';

/** Whose request it is, what the route asks for, and what is going to happen. */
interface Subject {
  readonly token: string;
  readonly requirement: Requirement;
  readonly happens: () => Promise<unknown>;
  /** A token of the service user that reads, where it is not the usual one. */
  readonly reader?: string;
}

type Arrange = (scene: Scene, name: string) => Promise<Subject>;

/** How each change is brought about on a server. Everybody holds a manager role that lets the request through before. */
const ARRANGE: Readonly<Record<Change, Arrange>> = {
  'member removed': async (scene, name) => {
    const subject = await aServiceUser(scene, name);
    const { initech } = scene.made.orgs;
    return {
      ...subject,
      happens: () => scene.world.removeMember(subject.user, { org: initech }),
    };
  },
  'user deactivated': happening((scene, user) => scene.world.deactivateUser(user)),
  'user deactivated and reactivated': happening(async (scene, user) => {
    await scene.world.deactivateUser(user);
    await scene.world.reactivateUser(user);
  }),
  'user locked': happening((scene, user) => scene.world.lockUser(user)),
  'user locked and unlocked': happening(async (scene, user) => {
    await scene.world.lockUser(user);
    await scene.world.unlockUser(user);
  }),
  'user removed': happening((scene, user) => scene.world.removeUser(user)),
  'session ended': personHappening((scene, { person, signedIn }) =>
    scene.world.endSession(person, signedIn),
  ),
  'token revoked': personHappening((scene, { signedIn, web }) =>
    expectOk(revoke(scene.issuer, web.clientId, signedIn.accessToken)),
  ),
  'refresh token revoked': personHappening((scene, { signedIn, web }) =>
    expectOk(revoke(scene.issuer, web.clientId, signedIn.refreshToken)),
  ),
  'token refreshed away': personHappening((scene, { signedIn, web }) =>
    expectOk(refresh(scene.issuer, web.clientId, signedIn.refreshToken)),
  ),
  'personal access token deleted': async (scene, name) => {
    const { user, requirement } = await aManager(scene, name);
    const pat = await scene.world.addPat(user);
    return { token: pat.token, requirement, happens: () => scene.world.removePat(user, pat) };
  },
  'personal access token deleted, a JWT beside it': async (scene, name) => {
    const subject = await aServiceUser(scene, name);
    const deleted = await scene.world.addPat(subject.user);
    return { ...subject, happens: () => scene.world.removePat(subject.user, deleted) };
  },
  'machine key deleted': async (scene, name) => {
    const { user, requirement } = await aManager(scene, name);
    const key = await scene.world.addKey(user);
    const assertion = assertionOf(scene.issuer, openKey(key.json));
    const answer = await byAssertion(scene.issuer, assertion, scene.scopes);
    const token = accessTokenOf(answer, `token of ${name}`);
    return { token, requirement, happens: () => scene.world.removeKey(user, key) };
  },
  'password changed': personHappening((scene, { person }) => scene.world.changePassword(person)),
  'application deactivated': personHappening((scene, { web }) =>
    scene.world.deactivateApplication(web),
  ),
  'role of our service user removed': async (scene, name) => {
    const { world } = scene;
    const reader = await world.addServiceUser(scene.made.orgs.acme, `${name}-reader`);
    await world.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
    return {
      ...(await aServiceUser(scene, name)),
      reader: (await world.addPat(reader)).token,
      happens: () => world.removeMember(reader, 'instance'),
    };
  },
  'application removed': personHappening((scene, { web }) => scene.world.removeApplication(web)),
  'own organization deactivated': awayFromHome((scene, home) => scene.world.deactivateOrg(home)),
  'own organization removed': awayFromHome((scene, home) => scene.world.removeOrg(home)),
  'project grant removed': async (scene, name) => {
    const { world } = scene;
    const { acme, globex } = scene.made.orgs;
    const user = await world.addServiceUser(acme, name);
    const project = await world.addProject(acme, name, { roles: ['reader'] });
    const grant = await world.grantProject(project, globex, ['reader']);
    await world.addMember(user, { grant }, ['PROJECT_GRANT_OWNER']);
    const requirement = role('PROJECT_GRANT_OWNER', projectGrant(grant.id));
    const token = await scene.tokenOf(user);
    return { token, requirement, happens: () => world.removeGrant(grant) };
  },
};

interface Manager {
  readonly user: User;
  readonly requirement: Requirement;
}

/** A service user who may view initech. */
async function aManager(scene: Scene, name: string, home?: Org): Promise<Manager> {
  const { initech } = scene.made.orgs;
  const user = await scene.world.addServiceUser(home ?? initech, name);
  await scene.world.addMember(user, { org: initech }, ['ORG_OWNER_VIEWER']);
  return { user, requirement: role('ORG_OWNER_VIEWER', org(initech.id)) };
}

async function aServiceUser(scene: Scene, name: string, home?: Org) {
  const manager = await aManager(scene, name, home);
  return { ...manager, token: await scene.tokenOf(manager.user) };
}

function happening(happens: (scene: Scene, user: User) => Promise<void>): Arrange {
  return async (scene, name) => {
    const { user, ...subject } = await aServiceUser(scene, name);
    return { ...subject, happens: () => happens(scene, user) };
  };
}

/** Somebody whose own organization is not the one where the role is held. */
function awayFromHome(happens: (scene: Scene, home: Org) => Promise<void>): Arrange {
  return async (scene, name) => {
    const home = await scene.world.addOrg(`home-of-${name}`);
    const subject = await aServiceUser(scene, name, home);
    return { ...subject, happens: () => happens(scene, home) };
  };
}

interface Present {
  readonly person: User;
  readonly web: Application;
  readonly signedIn: SignedIn;
}

function personHappening(happens: (scene: Scene, present: Present) => Promise<unknown>): Arrange {
  return async (scene, name) => {
    const { world } = scene;
    const { initech } = scene.made.orgs;
    const person = await world.addPerson(initech, name);
    await world.addMember(person, { org: initech }, ['ORG_OWNER_VIEWER']);
    const web = await world.addWebApplication(scene.made.portal, name);
    const signedIn = await world.signIn(person, web, [...scene.scopes, 'offline_access']);
    return {
      token: signedIn.accessToken,
      requirement: role('ORG_OWNER_VIEWER', org(initech.id)),
      happens: () => happens(scene, { person, web, signedIn }),
    };
  };
}

async function expectOk(asked: Promise<{ readonly status: number; readonly text: string }>) {
  const { status, text } = await asked;
  if (status !== 200) throw new Error(`refused: ${String(status)} ${text.slice(0, 200)}`);
}

/** What every cell of one change was answered before it happened; afterwards it has happened. */
type Before = ReadonlyMap<string, string>;

const happened = new WeakMap<Stage, Map<Change, Promise<{ subject: Subject; before: Before }>>>();

/** Lets a change happen once, after every combination was asked. */
function afterThat(stage: Stage, change: Change, number: number) {
  const changes = happened.get(stage) ?? new Map<Change, Promise<never>>();
  happened.set(stage, changes);
  const known = changes.get(change);
  if (known) return known;
  const work = (async () => {
    const subject = await ARRANGE[change](stage.scene, `after-${String(number)}`);
    const before = new Map<string, string>();
    for (const { column, api } of cellsOf(change)) {
      if (!stage.scene.world.serves.has(api)) continue;
      let answer = '';
      const allowed = async () => {
        answer = await askCell(stage, column, api, subject);
        return answer === 'allowed';
      };
      // A reader may lag behind the one who made the member.
      await stage.scene.until(change, allowed).catch(() => undefined);
      before.set(cellName(column, api), answer);
    }
    await subject.happens();
    return { subject, before };
  })();
  changes.set(change, work);
  return work;
}

async function askCell(
  stage: Stage,
  { callers, reads }: Column,
  api: Generation,
  { token, requirement, reader }: Subject,
): Promise<string> {
  const more = reader === undefined ? {} : { more: { serviceUser: pat(reader) } };
  const library = await stage.library({ api, callers, reads, ...more });
  return stage.door.ask(library, requirement, token);
}

interface Cell {
  readonly column: Column;
  readonly api: Generation;
  readonly verdict: string;
}

/** As the caller both generations are asked, and say the same. */
function cellsOf(change: Change): readonly Cell[] {
  return COLUMNS.flatMap((column) => {
    const verdict = column.after(change);
    if (verdict === undefined) return [];
    return column.apis.map((api) => ({ column, api, verdict }));
  });
}

function cellName({ name }: Column, api: Generation): string {
  return `${name} ${api}`;
}

function caseOf(change: Change, number: number, { column, api, verdict }: Cell): Case {
  const after = verdict === 'allowed' ? 'goes on' : `ends with ${verdict}`;
  return {
    chapter: 'afterwards',
    says: `${change}: ${column.name} ${after}`,
    generation: api,
    again: true,
    verdict: { before: 'allowed', after: verdict },
    ask: async (stage) => {
      const { subject, before } = await afterThat(stage, change, number);
      return {
        before: before.get(cellName(column, api)),
        after: await askCell(stage, column, api, subject),
      };
    },
  };
}

/** What still works after a change: one case for each cell of the table in SECURITY.md. */
export const afterwards: readonly Case[] = CHANGES.flatMap((change, number) =>
  cellsOf(change).map((cell) => caseOf(change, number, cell)),
);
