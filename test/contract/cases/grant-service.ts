import type { ExpressZitadel, ProjectGrant } from 'nestjs-zitadel/express';
import { throughLibrary, type At, type LibraryCase } from '../through-library.js';
import type { Generation } from '../world.js';
import { aProject, granted, grantedInactive } from './fresh-project.js';

const AS_ACME = { serviceUser: 'svc-acme' } as const;

/** The grant of the case, named as both generations name it. */
function ends({ id }: At, grantedOrg = 'initech') {
  return {
    organizationId: id('acme'),
    projectId: id('p'),
    grantedOrgId: id(grantedOrg),
  };
}

function say({ scene }: At, grant: ProjectGrant): string {
  const keys = [...grant.grantedRoleKeys].sort().join(' ');
  return `${scene.name(grant.projectId)} to ${scene.name(grant.grantedOrgId)}: ${keys} (${grant.state})`;
}

async function list(library: ExpressZitadel, at: At): Promise<string[]> {
  const found: string[] = [];
  const { organizationId, projectId } = ends(at);
  for await (const grant of library.projectGrants.list({ organizationId, projectId })) {
    found.push(say(at, grant));
  }
  return found.sort();
}

/** What the list says, once it says it: a read may lag behind what the case itself changed. */
async function listed(library: ExpressZitadel, at: At, wanted: readonly string[]) {
  let found: string[] = [];
  const seen = async () => {
    found = await list(library, at);
    return found.join() === wanted.join();
  };
  await at.scene.until('the list', seen).catch(() => undefined);
  return found;
}

const READER = ['p to initech: reader (active)'];
const WRITER = ['p to initech: writer (active)'];

const cases: readonly LibraryCase[] = [
  {
    says: 'add() grants a project, and list() shows it',
    ...AS_ACME,
    given: aProject,
    once: true,
    call: async (library, at) => {
      await library.projectGrants.add({ ...ends(at), roleKeys: ['reader'] });
      return listed(library, at, READER);
    },
    verdict: READER,
  },
  {
    says: 'add() of a second grant is refused by its id',
    ...AS_ACME,
    given: granted(['reader']),
    call: (library, at) => library.projectGrants.add({ ...ends(at), roleKeys: ['reader'] }),
    verdict: { thrown: 'zitadel_refused', id: 'V3-DKcYh', status: 409 },
  },
  {
    says: 'add() of a role that the project does not have is refused by its id',
    ...AS_ACME,
    given: aProject,
    call: (library, at) => library.projectGrants.add({ ...ends(at), roleKeys: ['nothing'] }),
    verdict: { thrown: 'zitadel_refused', id: 'COMMAND-6m9gd', status: 400 },
  },
  {
    says: 'add() to the owner itself is refused by its id',
    ...AS_ACME,
    given: aProject,
    call: (library, at) => library.projectGrants.add({ ...ends(at, 'acme'), roleKeys: ['reader'] }),
    verdict: { thrown: 'zitadel_refused', id: 'PROJECT-ckUpbvboAH', status: 400 },
  },
  {
    says: 'add() without manager roles is refused by its id',
    serviceUser: 'dave',
    given: aProject,
    call: (library, at) => library.projectGrants.add({ ...ends(at), roleKeys: ['reader'] }),
    verdict: { thrown: 'zitadel_refused', id: 'AUTHZ-cdgFk', status: 404 },
  },
  {
    says: 'get() reads a grant by its two ends',
    ...AS_ACME,
    given: granted(['reader', 'writer']),
    call: async (library, at) => say(at, await library.projectGrants.get(ends(at))),
    verdict: 'p to initech: reader writer (active)',
  },
  {
    says: 'listGranted() shows what was granted to an organization',
    serviceUser: 'gina',
    call: async (library, at) => {
      const found: string[] = [];
      const of = { organizationId: at.id('globex') };
      for await (const grant of library.projectGrants.listGranted(of)) found.push(say(at, grant));
      return found.filter((row) => row.startsWith('portal '));
    },
    verdict: ['portal to globex: reader writer (active)'],
  },
  {
    says: 'changeRoles() replaces the roles',
    ...AS_ACME,
    given: granted(['reader']),
    once: true,
    call: async (library, at) => {
      await library.projectGrants.changeRoles({ ...ends(at), roleKeys: ['writer'] });
      return listed(library, at, WRITER);
    },
    verdict: WRITER,
  },
  {
    says: 'deactivate() and reactivate() are seen in the list',
    ...AS_ACME,
    given: granted(['reader']),
    once: true,
    call: async (library, at) => {
      await library.projectGrants.deactivate(ends(at));
      const off = await listed(library, at, ['p to initech: reader (inactive)']);
      await library.projectGrants.reactivate(ends(at));
      return [...off, ...(await listed(library, at, READER))];
    },
    verdict: ['p to initech: reader (inactive)', 'p to initech: reader (active)'],
  },
  {
    says: 'remove() takes the grant away',
    ...AS_ACME,
    given: granted(['reader']),
    once: true,
    call: async (library, at) => {
      await library.projectGrants.remove(ends(at));
      return listed(library, at, []);
    },
    verdict: [],
  },
  {
    says: 'ensure() creates a grant where there is none',
    ...AS_ACME,
    given: aProject,
    once: true,
    call: async (library, at) => {
      const done = await library.projectGrants.ensure({ ...ends(at), roleKeys: ['reader'] });
      return [done.outcome, ...(await listed(library, at, READER))];
    },
    verdict: ['created', ...READER],
  },
  {
    says: 'ensure() changes the roles of a grant that is there',
    ...AS_ACME,
    given: granted(['reader']),
    once: true,
    call: async (library, at) => {
      const done = await library.projectGrants.ensure({ ...ends(at), roleKeys: ['writer'] });
      return [done.outcome, ...(await listed(library, at, WRITER))];
    },
    verdict: ['changed', ...WRITER],
  },
  {
    says: 'ensure() leaves a grant that is right as it is',
    ...AS_ACME,
    given: granted(['reader']),
    once: true,
    call: async (library, at) => {
      const done = await library.projectGrants.ensure({ ...ends(at), roleKeys: ['reader'] });
      return done.outcome;
    },
    verdict: 'unchanged',
  },
  {
    says: 'ensure() does not reactivate unless it is told to',
    ...AS_ACME,
    given: grantedInactive(['reader']),
    once: true,
    call: async (library, at) => {
      // Other roles, so that a list that lags can be told from one that shows what happened.
      await library.projectGrants.ensure({ ...ends(at), roleKeys: ['writer'] });
      const before = await listed(library, at, ['p to initech: writer (inactive)']);
      await library.projectGrants.ensure({ ...ends(at), roleKeys: ['writer'], reactivate: true });
      return [...before, ...(await listed(library, at, WRITER))];
    },
    verdict: ['p to initech: writer (inactive)', ...WRITER],
  },
];

const inGeneration = (only: Generation) => cases.map((one) => ({ ...one, only }));

export const throughServiceV1 = throughLibrary('grants v1', inGeneration('v1'));
export const throughServiceV2 = throughLibrary('grants v2', inGeneration('v2'));
