import { describe, expect, it } from 'vitest';
import type { Authorizer } from '../../lib/core/authorizer.js';
import { indexOf, type MembershipIndex } from '../../lib/core/caller.js';
import type { RoleName } from '../../lib/core/requirement/builders.js';
import type { HierarchyTable } from '../../lib/core/requirement/roles.js';
import {
  type ResourceLookup,
  ZitadelAuthorizer,
  ZitadelNotAllowedError,
} from '../../lib/core/zitadel-authorizer.js';
import type { Target } from '../evidence/oracle.js';
import { seededRandom } from '../evidence/seeded-random.js';
import { ALL_FACTS, decideOnce, membershipOf, prepared } from './decide/deciding.js';
import { requirementOf } from './decide/requirements.js';
import { GRANTS, IDS, OWNERS, ROLES, ROWS, TABLES } from './decide/worlds.js';

/** Questions about somebody of whom exactly these memberships are known. */
function questionsOver(index: MembershipIndex, hierarchy: HierarchyTable): ZitadelAuthorizer {
  const answerFor = () => Promise.resolve({ index });
  return new ZitadelAuthorizer(
    { answerFor } as unknown as Authorizer,
    hierarchy,
    (denied) => new ZitadelNotAllowedError(denied),
  );
}

const ANY = Object.values(ROLES).flat();

describe('lookupResources', () => {
  const at = (id: string) => ({ literal: id });
  const TARGET = {
    org: (id: string): Target => ({ on: 'org', id: at(id) }),
    project: (id: string): Target => ({ on: 'project', id: at(id) }),
    grant: (id: string): Target => ({ on: 'grant', id: at(id) }),
  };

  /** Whether a resource is among what was named, by itself or by its organization. */
  function isNamed(found: ResourceLookup, kind: keyof typeof TARGET, id: string): boolean {
    if (found.everywhere) return true;
    const { organizations, projects, projectGrants } = found;
    switch (kind) {
      case 'org':
        return organizations.includes(id);
      case 'project':
        return projects.includes(id) || organizations.includes(OWNERS.get(id) ?? '');
      case 'grant':
        return (
          projectGrants.includes(id) || organizations.includes(GRANTS.get(id)?.grantedOrg ?? '')
        );
    }
  }

  it('names exactly what decisions allow, by whatever hierarchy', async () => {
    const random = seededRandom(8, 0);
    const wrong: string[] = [];
    let named = 0;
    for (let turn = 0; turn < 1_500; turn += 1) {
      const table: Record<string, string[]> = {};
      for (let edges = 2 + random.below(6); edges > 0; edges -= 1) {
        (table[random.pick(ANY)] ??= []).push(random.pick(ANY));
      }
      const hierarchy = turn % 3 === 0 ? random.pick(Object.values(TABLES)) : table;
      const rows = Array.from({ length: 1 + random.below(5) }, () => random.pick(ROWS));
      const index = indexOf(rows.map((row) => membershipOf(row, 'all')));
      const kind = random.pick(['org', 'project', 'grant'] as const);
      const roles = [random.pick(ROLES[kind]), random.pick(ROLES[kind])];
      const questions = questionsOver(index, hierarchy);
      const found = await questions.lookupResources('alice', roles as [RoleName]);
      for (const id of IDS) {
        const demand = { roles, target: TARGET[kind](id) };
        const compiled = prepared(requirementOf(demand), { hierarchy });
        const allowed = decideOnce(compiled, index, ALL_FACTS).verdict === 'yes';
        const says = isNamed(found, kind, id);
        named += Number(says);
        if (says !== allowed) wrong.push(JSON.stringify({ hierarchy, rows, roles, id, says }));
      }
      // Where the roles cannot be held, nothing is named.
      if (found.everywhere) continue;
      const { projects, projectGrants } = found;
      const elsewhere = [
        ...(kind === 'project' ? [] : projects),
        ...(kind === 'grant' ? [] : projectGrants),
      ];
      if (elsewhere.length > 0) wrong.push(JSON.stringify({ hierarchy, rows, roles, elsewhere }));
    }
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(named).toBeGreaterThan(500);
  });

  it('names no project for a role of its grants, whatever a table says', async () => {
    const row = membershipOf({ kind: 'project', id: '1', roles: ['PROJECT_OWNER'] }, 'all');
    const questions = questionsOver(indexOf([row]), { PROJECT_OWNER: ['PROJECT_GRANT_OWNER'] });
    expect(await questions.lookupResources('alice', 'PROJECT_GRANT_OWNER')).toEqual({
      everywhere: false,
      organizations: [],
      projects: [],
      projectGrants: [],
    });
    expect(await questions.lookupResources('alice', 'PROJECT_OWNER')).toMatchObject({
      projects: ['1'],
    });
  });
});
