import { beforeEach, describe, expect, it } from 'vitest';
import { createZitadel } from '../../../lib/create-zitadel.js';
import type { Project } from '../../../lib/testing/index.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import type { ProjectGrantService } from '../../../lib/zitadel/grants/project-grant-service.js';
import { ZitadelApiError, ZitadelUnavailableError } from '../../../lib/zitadel/refusals.js';
import { errorOf, recorder } from '../parts.js';
import { impatiently } from '../../support/impatience.js';
import { useEmulator } from '../../support/world.js';

const UNKNOWN = '404404404404404404';

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const initech = zitadel.addOrg('initech');
const svc = zitadel.addServiceUser('svc', { org: acme });
zitadel.addMember(svc, { org: acme }, ['ORG_OWNER']);
/** A project of its own for each test, and the id of its grant to globex. */
let portal: Project;
let grantId: string;
let count = 0;

const here = () => ({ organizationId: acme.id, projectId: portal.id });
const toGlobex = (...roleKeys: string[]) => ({ ...here(), grantedOrgId: globex.id, roleKeys });

type Write = (of: ProjectGrantService) => Promise<unknown>;
type Refusal = readonly [what: string, status: number, id: string, remedy: RegExp, call: Write];

/** What both APIs refuse alike. A grant is named by its id on v1 and by its ends on v2. */
const refusals = (api: 'v1' | 'v2'): readonly Refusal[] => {
  const granted = () => (api === 'v1' ? { ...here(), grantId } : toGlobex());
  const unknown = () =>
    api === 'v1' ? { ...here(), grantId: UNKNOWN } : { ...here(), grantedOrgId: initech.id };
  return [
    ['a second grant', 409, 'V3-DKcYh', /ensure\(\)/, (of) => of.add(toGlobex('reader'))],
    [
      'an unknown project',
      400,
      'COMMAND-m9gsd',
      /^no project with this id is owned by organizationId/,
      (of) => of.add({ ...toGlobex('reader'), projectId: UNKNOWN }),
    ],
    [
      'an unknown organization to grant to',
      400,
      'COMMAND-3m9gg',
      /grantedOrgId/,
      (of) => of.add({ ...toGlobex('reader'), grantedOrgId: UNKNOWN }),
    ],
    [
      'an unknown role',
      400,
      'COMMAND-6m9gd',
      /add the role/,
      (of) => of.add({ ...toGlobex('nonsense'), grantedOrgId: initech.id }),
    ],
    [
      'a grant to the owner',
      400,
      'PROJECT-ckUpbvboAH',
      /owns it/,
      (of) => of.add({ ...toGlobex('reader'), grantedOrgId: acme.id }),
    ],
    [
      'an unknown grant',
      404,
      api === 'v1' ? 'QUERY-n98GGs' : 'PROJECT-D8JxR',
      /no (such )?project grant/,
      (of) => of.get(unknown()),
    ],
    [
      'a change of an unknown grant',
      404,
      'PROJECT-D8JxR',
      /no such project grant/,
      (of) => of.changeRoles({ ...unknown(), roleKeys: ['reader'] }),
    ],
    [
      'an unknown role in a change',
      400,
      'COMMAND-6m9gd',
      /add the role/,
      (of) => of.changeRoles({ ...granted(), roleKeys: ['nonsense'] }),
    ],
    [
      'an organization where the service user is nobody',
      404,
      'AUTHZ-cdgFk',
      /organizationId, or its own organization without one: .* owns the project/,
      (of) => of.add({ ...toGlobex('reader'), organizationId: globex.id }),
    ],
    [
      'an unknown organization',
      403,
      'AUTH-Bs7Ds',
      /^there is no organization with this id: check organizationId/,
      (of) => of.add({ ...toGlobex('reader'), organizationId: UNKNOWN }),
    ],
  ];
};

describe.each([
  ['v1', 'addGrant'],
  ['v2', 'addGrantV2'],
] as const)('on API %s', (api, endpoint) => {
  const grantsBy = (): ProjectGrantService => {
    const settings = { serviceUser: pat(zitadel.patFor(svc)), logger: recorder() };
    // Where both are served, v1 is asked.
    const options = zitadel.options(api === 'v1' ? settings : { ...settings, api });
    return createZitadel(options).projectGrants;
  };
  beforeEach(() => {
    zitadel.serveApis(api === 'v1' ? 'both' : 'v2');
    const roles = ['reader', 'writer', 'admin'];
    portal = zitadel.addProject(`portal ${(count += 1)}`, { org: acme, roles });
  });

  it.each(refusals(api))(
    'a refusal of %s is a typed error: %d %s, with what to do',
    async (_what, status, id, remedy, call) => {
      ({ id: grantId } = zitadel.grantProject(portal, globex, ['reader']));
      const error = await errorOf(call(grantsBy()));
      expect(error).toBeInstanceOf(ZitadelApiError);
      expect(error).toMatchObject({ code: 'zitadel_refused', status, id });
      expect((error as ZitadelApiError).remedy).toMatch(remedy);
      expect(error.message).toContain((error as ZitadelApiError).remedy);
    },
  );

  it.each([
    500,
    503,
    429,
    'hang',
    'refuse',
    'lose',
    'garbage',
    'html',
    'truncated',
    'redirect',
  ] as const)(
    'an outage (%s) of a write is an error, and the write was sent once',
    async (fault) => {
      zitadel.fail(endpoint, fault);
      const error = await impatiently(() => errorOf(grantsBy().add(toGlobex('reader'))));
      expect(error).toBeInstanceOf(ZitadelUnavailableError);
      expect(error.code).toBe('zitadel_unavailable');
      expect(zitadel.requests(endpoint)).toBe(1);
    },
  );
});
