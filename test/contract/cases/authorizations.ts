import { raw } from '../raw.js';
import { all, total, type See } from '../views.js';

const SERVICE = '/zitadel.authorization.v2.AuthorizationService';
const LIST = `POST ${SERVICE}/ListAuthorizations`;
const OF_DAVE = { filters: [{ userId: { id: '{dave}' } }] };

interface Row {
  readonly user?: { readonly id: string; readonly organizationId: string };
  readonly project?: { readonly id: string };
  readonly organization?: { readonly id: string };
  readonly roles?: readonly { readonly key: string }[];
  readonly state?: string;
}

/** Who was given which roles of which project by whom, and where the user belongs. */
const rows: See = ({ body }, scene) =>
  ((body['authorizations'] ?? []) as readonly Row[]).map((row) => {
    const { user, project, organization, roles = [], state } = row;
    const name = (id = '') => scene.name(id);
    const keys = roles.map(({ key }) => key).join(' ');
    return `${name(user?.id)} of ${name(user?.organizationId)}, ${keys} of ${name(project?.id)}, by ${name(organization?.id)}: ${state ?? ''}`;
  });

const DAVE = 'dave of acme, reader of portal, by acme: STATE_ACTIVE';

export const authorizations = raw('authorizations', 'v2', [
  {
    says: 'a viewer of the instance sees the roles, who gave them, and where the user belongs',
    ask: LIST,
    as: 'svc-viewer',
    body: OF_DAVE,
    see: all({ rows, total }),
    verdict: { status: 200, see: { rows: [DAVE], total: 1 } },
  },
  {
    says: 'project and organization narrow the list',
    ask: LIST,
    as: 'svc-viewer',
    body: {
      filters: [
        ...OF_DAVE.filters,
        { projectId: { id: '{portal}' } },
        { organizationId: { id: '{acme}' } },
      ],
    },
    see: rows,
    verdict: { status: 200, see: [DAVE] },
  },
  {
    says: 'what another organization gave is another list',
    ask: LIST,
    as: 'svc-viewer',
    body: { filters: [...OF_DAVE.filters, { organizationId: { id: '{globex}' } }] },
    see: all({ rows, total }),
    verdict: { status: 200, see: { rows: [], total: 0 } },
  },
  {
    says: 'everybody sees the own ones',
    ask: LIST,
    as: 'dave',
    body: OF_DAVE,
    see: rows,
    verdict: { status: 200, see: [DAVE] },
  },
  {
    says: 'somebody without the right sees none of another user, though they are counted',
    ask: LIST,
    as: 'gina',
    body: OF_DAVE,
    see: all({ rows, total }),
    verdict: { status: 200, see: { rows: [], total: 1 } },
  },
]);
