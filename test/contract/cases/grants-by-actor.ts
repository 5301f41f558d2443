import type { Case } from '../case.js';
import { CALL_ORGS, GRANT_TABLE, SAYINGS, VERBS } from '../grant-table.js';
import type { Actor, CallOrg, Verb } from '../grant-table.js';
import { send, textAt, type Asked } from '../http.js';
import { refusalIn } from '../raw.js';
import { PORTAL_ROLES, type Scene } from '../scene.js';
import type { Grant, MemberOn, Org, Project } from '../world.js';

/** A project of acme's, granted to globex; and somebody of every kind, who lives elsewhere. */
interface Ground {
  readonly project: Project;
  readonly grant: Grant;
  readonly orgs: Readonly<Record<CallOrg, Org>>;
  readonly tokens: Readonly<Record<Actor, string>>;
}

const ACTORS = Object.keys(GRANT_TABLE) as readonly Actor[];
const grounds = new WeakMap<Scene, Promise<Ground>>();

function groundOf(scene: Scene): Promise<Ground> {
  const known = grounds.get(scene);
  if (known) return known;
  const made = makeGround(scene);
  grounds.set(scene, made);
  return made;
}

async function makeGround(scene: Scene): Promise<Ground> {
  const { world } = scene;
  const { acme: owner, globex: granted, initech: third } = scene.made.orgs;
  const orgs = { owner, granted, third, own: await scene.elsewhere() };
  const project = await world.addProject(owner, 'by-actor', { roles: PORTAL_ROLES });
  const grant = await world.grantProject(project, granted, ['reader']);
  const tokens: Partial<Record<Actor, string>> = {};
  for (const [at, actor] of ACTORS.entries()) {
    const user = await world.addServiceUser(orgs.own, `actor-${String(at)}`);
    const [role = '', of] = actor.split(' of the ');
    if (actor !== 'nobody') await world.addMember(user, resourceOf(role, of), [role]);
    tokens[actor] = await scene.tokenOf(user);
  }
  return { project, grant, orgs, tokens: tokens as Ground['tokens'] };

  function resourceOf(role: string, of: string | undefined): MemberOn {
    if (of !== undefined) return { org: orgs[of as CallOrg] };
    if (role.startsWith('IAM_')) return 'instance';
    return role.startsWith('PROJECT_GRANT_') ? { grant } : { project };
  }
}

function asked({ project, grant, orgs }: Ground, verb: Verb): Asked {
  const grants = `/management/v1/projects/${project.id}/grants`;
  const one = `${grants}/${grant.id}`;
  const adding = { grantedOrgId: orgs.third.id, roleKeys: ['reader'] };
  return {
    add: { method: 'POST', path: grants, body: adding },
    get: { method: 'GET', path: one },
    list: { method: 'POST', path: `${grants}/_search`, body: {} },
    'list all': { method: 'POST', path: '/management/v1/projectgrants/_search', body: {} },
    'list granted': { method: 'POST', path: '/management/v1/granted_projects/_search', body: {} },
    change: { method: 'PUT', path: one, body: { roleKeys: ['reader'] } },
    deactivate: { method: 'POST', path: `${one}/_deactivate`, body: {} },
    reactivate: { method: 'POST', path: `${one}/_reactivate`, body: {} },
    remove: { method: 'DELETE', path: one },
  }[verb];
}

async function ask(scene: Scene, actor: Actor, verb: Verb, under: CallOrg, succeeds: boolean) {
  const ground = await groundOf(scene);
  const { project, grant, orgs, tokens } = ground;
  const { world } = scene;
  // What is removed is somebody else's grant, so that all others find theirs.
  const removed = succeeds && verb === 'remove';
  const other = removed ? await world.grantProject(project, orgs.third, ['reader']) : grant;
  const answer = await send(scene.issuer, {
    ...asked({ ...ground, grant: other }, verb),
    headers: {
      authorization: `Bearer ${tokens[actor]}`,
      ...(under !== 'own' && { 'x-zitadel-orgid': orgs[under].id }),
    },
  });
  const id = textAt(answer.body, 'grantId');
  if (id !== '') {
    const ends = { projectId: project.id, ownerOrgId: orgs.owner.id, grantedOrgId: orgs.third.id };
    await world.removeGrant({ id, ...ends });
  }
  return refusalIn(answer);
}

/** Every cell of the table. */
export const grantsByActor: readonly Case[] = ACTORS.flatMap((actor) =>
  VERBS.flatMap((verb) =>
    CALL_ORGS.map((under, at): Case => {
      const verdict = SAYINGS[GRANT_TABLE[actor][verb].split(' ')[at] as keyof typeof SAYINGS];
      const succeeds = verdict.status === 200;
      return {
        chapter: 'grants by actor',
        says: `${actor}, ${verb}, under ${under === 'own' ? 'the own' : `the ${under}`} organization`,
        generation: 'v1',
        again: verb.startsWith('list') || verb === 'get',
        verdict,
        ask: ({ scene }) => ask(scene, actor, verb, under, succeeds),
      };
    }),
  ),
);
