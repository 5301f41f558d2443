import { anyOf, org, project, role, type Requirement } from 'nestjs-zitadel/express';
import type { Case } from '../case.js';
import { send, textAt, type Answer } from '../http.js';
import type { Setting } from '../library.js';
import { refusalIn } from '../raw.js';
import type { Scene } from '../scene.js';
import type { Stage } from '../stage.js';
import type { Generation, Project, User } from '../world.js';

/** One more than ZITADEL gives at once. */
const ROWS = 1_001;
const BOTH: readonly Generation[] = ['v1', 'v2'];

interface Crowded {
  readonly user: User;
  readonly token: string;
  /** The first and the last project of which the user is a manager, and one of which not. */
  readonly first: Project;
  readonly last: Project;
  readonly other: Project;
}

const made = new WeakMap<Scene, Promise<Crowded>>();

/** Somebody who manages more projects of acme than a list holds, and one organization. */
function crowdedIn(scene: Scene): Promise<Crowded> {
  const known = made.get(scene);
  if (known) return known;
  const making = makeCrowded(scene);
  made.set(scene, making);
  return making;
}

async function makeCrowded(scene: Scene): Promise<Crowded> {
  const { world } = scene;
  const { acme, initech } = scene.made.orgs;
  const user = await world.addServiceUser(initech, 'svc-crowded');
  const projects: Project[] = [];
  for (let at = 1; at < ROWS; at += 1) {
    const each = await world.addProject(acme, `crowd ${String(at)}`);
    await world.addMember(user, { project: each }, ['PROJECT_OWNER']);
    projects.push(each);
  }
  await world.addMember(user, { org: initech }, ['ORG_OWNER']);
  const other = await world.addProject(acme, 'beside the crowd');
  const [first, last] = [projects[0], projects.at(-1)] as [Project, Project];
  return { user, token: await scene.tokenOf(user), first, last, other };
}

/** A case about a list that is longer than an answer; on a real server it would take two thousand changes. */
function longCase(
  chapter: Case['chapter'],
  generation: Generation,
  says: string,
  verdict: unknown,
  ask: (stage: Stage, crowded: Crowded) => Promise<unknown>,
): Case {
  return {
    chapter,
    says,
    generation,
    needs: 'long lists',
    again: true,
    verdict,
    ask: async (stage) => ask(stage, await crowdedIn(stage.scene)),
  };
}

const READS = [
  ['my memberships', 'the caller', 'caller'],
  ['user memberships', 'the service user', 'serviceUser'],
] as const;

const decided = READS.flatMap(([chapter, who, reads]) =>
  BOTH.map((api) =>
    longCase(
      chapter,
      api,
      `more than 1000 rows, read as ${who}: every row counts, and no other`,
      { first: 'allowed', last: 'allowed', organization: 'allowed', other: '403 role_missing' },
      async (stage, { token, first, last, other }) => {
        const { acme, initech } = stage.scene.made.orgs;
        const setting: Setting = { api, reads };
        const library = await stage.library(setting);
        const may = (requirement: Requirement) => stage.door.ask(library, requirement, token);
        return {
          first: await may(role('PROJECT_OWNER', project(first.id))),
          last: await may(role('PROJECT_OWNER', project(last.id))),
          organization: await may(role('ORG_OWNER', org(initech.id))),
          other: await may(
            anyOf(role('PROJECT_OWNER', project(other.id)), role('ORG_OWNER', org(acme.id))),
          ),
        };
      },
    ),
  ),
);

const listed = BOTH.flatMap((api) => [
  longCase(
    'my memberships',
    api,
    'more than 1000 rows are listed whole by listMine()',
    { total: ROWS, rows: ROWS },
    async (stage, { token }) => {
      const { membershipLists } = await stage.library({ api });
      const { details, result } = await membershipLists.listMine(token);
      return { total: details.totalResult, rows: new Set(result.map(idOf)).size };
    },
  ),
  longCase(
    'user memberships',
    api,
    'more rows than a page holds are listed whole by listOfUser()',
    { total: ROWS - 1, rows: ROWS - 1 },
    async (stage, { user }) => {
      const organizationId = stage.scene.made.orgs.acme.id;
      const { membershipLists } = await stage.library({ api });
      const asked = { userId: user.id, organizationId };
      const { details, result } = await membershipLists.listOfUser(asked);
      return { total: details.totalResult, rows: new Set(result.map(idOf)).size };
    },
  ),
]);

function idOf(row: { readonly projectId?: string; readonly orgId?: string }): string {
  return row.projectId ?? row.orgId ?? '';
}

const MINE = '/auth/v1/memberships/me/_search';
const OF_FRANK = '/management/v1/users/{frank}/memberships/_search';
const GRANTS = '/management/v1/projectgrants/_search';

const LISTS = [
  ['my memberships', 'the own memberships', MINE, 'frank'],
  ['user memberships', 'a user’s memberships', OF_FRANK, 'svc-acme'],
  ['grants v1', 'project grants', GRANTS, 'svc-acme'],
] as const;

/** Since v4.19.5 v1 lists have a largest limit; before they had none. Either is known here, and nothing else. */
const refused: readonly Case[] = LISTS.map(([chapter, what, path, as]) => ({
  chapter,
  says: `a limit of 1000 is never refused to ${what}, and one above what is allowed only with QUERY-4M0fs`,
  generation: 'v1',
  again: true,
  verdict: { 1000: 'answered', 1000000: 'answered or refused as it should be' },
  ask: async ({ scene }) => {
    const token = await scene.token(as);
    const ask = (limit: number) =>
      send(scene.issuer, {
        method: 'POST',
        path: scene.fill(path),
        headers: {
          authorization: `Bearer ${token}`,
          'x-zitadel-orgid': scene.names['acme'] ?? '',
        },
        body: { query: { limit } },
      });
    const [usual, large] = [await ask(1_000), await ask(1_000_000)];
    const sameRows = textAt(usual.body, 'details', 'totalResult');
    const isAnswered =
      large.status === 200 && textAt(large.body, 'details', 'totalResult') === sameRows;
    return {
      1000: usual.status === 200 ? 'answered' : refusalIn(usual),
      1000000:
        isAnswered || isRefusedByLimit(large)
          ? 'answered or refused as it should be'
          : refusalIn(large),
    };
  },
}));

function isRefusedByLimit({ status, body }: Answer): boolean {
  return (
    status === 400 &&
    body['code'] === 3 &&
    refusalIn({ status, body, headers: {}, text: '' })['id'] === 'QUERY-4M0fs'
  );
}

export const longLists: readonly Case[] = [...refused, ...decided, ...listed];
