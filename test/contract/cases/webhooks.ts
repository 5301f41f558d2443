import { verifyEvent } from 'nestjs-zitadel/express';
import type { Case } from '../case.js';
import { raw, type RawCase } from '../raw.js';
import type { Scene } from '../scene.js';
import type { Listening, User } from '../world.js';

const CREATE = 'POST /v2/actions/targets';
const SET = 'PUT /v2/actions/executions';
const TARGET = {
  name: 'refused',
  restWebhook: { interruptOnError: false },
  timeout: '5s',
  endpoint: 'https://nobody.example/',
};

const refused = (
  says: string,
  ask: string,
  body: object,
  verdict: RawCase['verdict'],
  as = 'admin',
): RawCase => ({ says, ask, body, verdict, as, once: true });

/** What ZITADEL refuses when targets and executions are set up. Nothing of it is made. */
const setup = raw('webhooks', 'v2', [
  refused('a target needs a timeout', CREATE, without('timeout'), {
    status: 400,
    id: 'COMMAND-39f35d8uri',
  }),
  refused('a target needs a name', CREATE, without('name'), { status: 400 }),
  refused('a target is of one kind', CREATE, without('restWebhook'), { status: 400 }),
  refused(
    'an owner of an organization makes no target',
    CREATE,
    TARGET,
    { status: 403, id: 'AUTH-5mWD2' },
    'svc-acme',
  ),
  refused('an unknown event is refused', SET, on({ event: 'nothing.happened' }), {
    status: 404,
    id: 'COMMAND-74aaqj8fv9',
  }),
  refused('an unknown group is refused', SET, on({ group: 'nothing' }), {
    status: 404,
    id: 'COMMAND-er5oneb5lz',
  }),
  refused('a target that is not there is refused', SET, on({ event: 'org.member.added' }, ['1']), {
    status: 404,
    id: 'COMMAND-17e8fq1ggk',
  }),
  {
    says: 'a target that is not there is not found',
    ask: 'GET /v2/actions/targets/1',
    as: 'admin',
    verdict: { status: 404, id: 'QUERY-hj5oaniyrz' },
  },
  {
    says: 'removing a target that is not there is no error',
    ask: 'DELETE /v2/actions/targets/1',
    as: 'admin',
    verdict: { status: 200 },
  },
]);

function without(name: keyof typeof TARGET): object {
  const { [name]: _left, ...rest } = TARGET;
  return rest;
}

function on(event: object, targets: readonly string[] = []): object {
  return { condition: { event }, targets };
}

const EVENTS = [
  ...['org.member.added', 'org.member.changed', 'org.member.removed', 'org.member.cascade.removed'],
  ...['project.grant.added', 'project.grant.removed', 'project.grant.member.added'],
  ...['user.deactivated', 'user.reactivated', 'user.locked', 'user.unlocked', 'user.removed'],
];

/** What was delivered of what happened to one user: on other users of a server nothing is said. */
interface Heard {
  readonly listening: Listening;
  readonly user: User;
  readonly organization: string;
  readonly project: string;
  readonly grant: string;
}

const heard = new WeakMap<Scene, Promise<Heard>>();

/** Everything happens once, and in this order. The suite goes on listening. */
export function everything(scene: Scene): Promise<Heard> {
  const known = heard.get(scene);
  if (known) return known;
  const work = (async () => {
    const { world } = scene;
    const { acme, initech } = scene.made.orgs;
    const listening = await world.listen(EVENTS);
    const user = await world.addServiceUser(acme, 'told-of');
    const org = { org: initech };
    await world.addMember(user, org, ['ORG_OWNER_VIEWER']);
    await world.changeMember(user, org, ['ORG_OWNER']);
    await world.removeMember(user, org);
    const project = await world.addProject(acme, 'told-of', { roles: ['reader'] });
    const grant = await world.grantProject(project, initech, ['reader']);
    await world.addMember(user, { grant }, ['PROJECT_GRANT_OWNER']);
    await world.removeGrant(grant);
    await world.deactivateUser(user);
    await world.reactivateUser(user);
    await world.lockUser(user);
    await world.unlockUser(user);
    await world.addMember(user, org, ['ORG_OWNER']);
    await world.removeUser(user);
    const found = {
      listening,
      user,
      organization: initech.id,
      project: project.id,
      grant: grant.id,
    };
    // The last ones; if they do not come, the cases about them say so.
    const last = ['user.removed', 'org.member.cascade.removed'];
    const arrived = async () => last.every((type) => bodiesOf(found, type).length > 0);
    await scene.until('deliveries', arrived).catch(() => undefined);
    return found;
  })();
  heard.set(scene, work);
  return work;
}

interface Body {
  readonly event_type: string;
  readonly aggregateID: string;
  readonly created_at: string;
  readonly event_payload?: { readonly userId?: string; readonly grantId?: string };
}

function bodiesOf({ listening, user, grant }: Heard, type: string): readonly Body[] {
  return listening.deliveries
    .map(({ raw: text }) => JSON.parse(text) as Body)
    .filter(({ event_type: each, aggregateID, event_payload: payload = {} }) => {
      const about = [aggregateID, payload.userId, payload.grantId];
      return each === type && (about.includes(user.id) || about.includes(grant));
    });
}

type See = (bodies: readonly Body[], heard: Heard) => unknown;

function told(says: string, type: string, see: See, verdict: unknown): Case {
  return {
    chapter: 'webhooks',
    says,
    generation: 'v2',
    needs: 'webhooks',
    again: true,
    verdict,
    ask: async ({ scene }) => {
      const found = await everything(scene);
      return see(bodiesOf(found, type), found);
    },
  };
}

/** Whose event it is, and what else it names. */
const named: See = (bodies, { user, organization, project, grant }) => {
  const names = new Map([
    [user.id, 'the user'],
    [organization, 'the organization'],
    [project, 'the project'],
    [grant, 'the grant'],
  ]);
  return bodies.map(({ aggregateID, event_payload: payload }) => ({
    of: names.get(aggregateID),
    ...(payload?.userId !== undefined && { about: names.get(payload.userId) }),
    ...(payload?.grantId !== undefined && { grant: names.get(payload.grantId) }),
  }));
};

const OF_THE_ORGANIZATION = { of: 'the organization', about: 'the user' };
const OF_THE_GRANT = { of: 'the project', grant: 'the grant' };
const OF_THE_USER = { of: 'the user' };

/** What is delivered of what happens, and in which form. */
const deliveries: readonly Case[] = [
  told('a new member is told of', 'org.member.added', named, [
    OF_THE_ORGANIZATION,
    OF_THE_ORGANIZATION,
  ]),
  told('new roles are told of', 'org.member.changed', named, [OF_THE_ORGANIZATION]),
  told('a removed member is told of', 'org.member.removed', named, [OF_THE_ORGANIZATION]),
  told('a member who goes with the user is told of', 'org.member.cascade.removed', named, [
    OF_THE_ORGANIZATION,
  ]),
  told('a grant is told of', 'project.grant.added', named, [OF_THE_GRANT]),
  told('a manager of a grant is told of', 'project.grant.member.added', named, [
    { ...OF_THE_GRANT, about: 'the user' },
  ]),
  told('a removed grant is told of', 'project.grant.removed', named, [OF_THE_GRANT]),
  ...['deactivated', 'reactivated', 'locked', 'unlocked', 'removed'].map((what) =>
    told(`a user who is ${what} is told of`, `user.${what}`, named, [OF_THE_USER]),
  ),
  told(
    'deliveries are signed with the key of their target',
    'org.member.changed',
    (_bodies, { listening: { deliveries: all, signingKey } }) => {
      const verdicts = all.map((each) => verifyEvent(each.raw, each.headers, signingKey, each.at));
      return [...new Set(verdicts.map(({ valid }) => valid))];
    },
    [true],
  ),
  told(
    'what is removed together has one moment',
    'user.removed',
    ([removed], found) =>
      bodiesOf(found, 'org.member.cascade.removed').map(
        ({ created_at: at }) => at === removed?.created_at,
      ),
    [true],
  ),
  told(
    'the fields of a delivery and their order are these',
    'org.member.changed',
    (bodies) => bodies.map((body) => Object.keys(body)),
    [
      [
        ...['aggregateID', 'aggregateType', 'resourceOwner', 'instanceID', 'version', 'sequence'],
        ...['event_type', 'created_at', 'userID', 'event_payload'],
      ],
    ],
  ),
];

export const webhooks: readonly Case[] = [...setup, ...deliveries];
