import { callersOf } from '../callers-option.js';
import type { Caller } from '../core/caller.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import { own } from '../core/own-properties.js';
import { jsonOf } from '../zitadel/callers/access-token.js';
import { createMembershipReader } from '../zitadel/memberships/read.js';
import { shownAudience } from '../zitadel/shown.js';
import { type Finding, fine, warning, wrong } from './finding.js';
import { rolesText } from './roles-text.js';
import type { Scene } from './scene.js';

const API_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** Explains a token of a caller: whether it counts, for whom it is, and what it lets ZITADEL tell. */
export async function examineToken(scene: Scene, token: string): Promise<readonly Finding[]> {
  const { resolved, http, discover } = scene;
  const known = await callersOf(resolved, http, discover).verify(token);
  if (isRefusal(known)) return [refused('token.refused', known)];
  return [
    fine('token.accepted', describe(known, token)),
    ...audienceOf(scene, token),
    ...claimsOf(scene, known),
    ...(resolved.memberships.as === 'caller'
      ? await readAs(scene, known, token)
      : await confirm(scene, known, token)),
  ];
}

const STATUS: Readonly<Partial<Record<Refusal['reason'], string>>> = {
  unavailable: '503 unavailable',
  misconfigured: '500 misconfigured',
  mfa_required: '403 mfa_required',
};

function refused(id: string, { reason, detail = '', got, remedy }: Refusal): Finding {
  return wrong(id, {
    what: got === undefined ? detail : `${detail} (${got})`,
    why: 'the token of a caller is the first that is looked at',
    effect: `a request with this token: ${STATUS[reason] ?? `401 ${reason}`}`,
    remedy: remedy ?? 'get a new token, and look whether this is the access token',
  });
}

function describe({ userId, clientId, expiresAt, actor }: Caller, token: string): string {
  const parts = token.split('.').length;
  const form = parts === 3 ? 'a JWT' : parts === 5 ? 'an opaque token' : 'a personal access token';
  return [
    `${form} of user ${userId}`,
    clientId === undefined ? '' : `obtained by client ${shownAudience([clientId])}`,
    actor === undefined ? '' : `used by user ${actor}`,
    expiresAt === undefined ? '' : `good until ${new Date(expiresAt).toISOString()}`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** For whom a JWT is. */
function audienceOf({ resolved }: Scene, token: string): readonly Finding[] {
  const aud = own(jsonOf(token.split('.')[1]), 'aud');
  if (aud === undefined) return [];
  const list: readonly unknown[] = [aud].flat();
  const matches = resolved.audience.filter((each) => list.includes(each));
  const why = matches.length > 0 ? `; ${matches.join(', ')} is the option audience` : '';
  return [fine('token.audience', `it is for ${shownAudience(list)}${why}`)];
}

/** What the token does not tell, because the client did not request it. */
function claimsOf({ resolved }: Scene, { claims }: Caller): readonly Finding[] {
  const names = Object.keys(claims);
  const { projectId, projectRoles } = resolved;
  const hasRoles = names.some((name) =>
    /^urn:zitadel:iam:org:project:(?:[^:]+:)?roles$/.test(name),
  );
  const lacksRoles = projectId !== undefined && projectRoles === 'token' && !hasRoles;
  const home = Object.hasOwn(claims, 'urn:zitadel:iam:user:resourceowner:id');
  return [
    ...(lacksRoles
      ? [
          warning('token.no-roles', {
            what: 'the token shows no project role',
            why: `project roles of ${projectId} are read from the token`,
            effect: 'a request for a project role: 403 project_role_missing',
            remedy:
              "let the client request the scope urn:zitadel:iam:org:projects:roles, and give the user an authorization; or write projectRoles: 'api'",
          }),
        ]
      : []),
    fine(
      'token.scopes',
      `it ${hasRoles ? 'shows' : 'does not show'} project roles, and ${home ? 'shows' : 'does not show'} the home organization (scope urn:zitadel:iam:user:resourceowner)`,
    ),
  ];
}

/** Reads the memberships with the token, as the application does. */
async function readAs(
  scene: Scene,
  { userId }: Caller,
  token: string,
): Promise<readonly Finding[]> {
  const { http, generation } = scene;
  const parts = { http, generation, serviceToken: undefined };
  const read = createMembershipReader({ ...parts, as: 'caller', everywhere: false });
  const said = await read({ userId, token, organizations: [] });
  if (!isRefusal(said)) return [fine('token.memberships', rolesText(said.rows))];
  if (said.reason !== 'token_rejected') return [refused('token.memberships', said)];
  return [
    wrong('token.scope', {
      what: 'ZITADEL’s own API does not accept the token, though its signature is right',
      why: 'memberships are read with the token of the caller',
      effect: 'a request with this token: 401 token_rejected',
      remedy: `let the client request the scope ${API_SCOPE}; if it did, the token is revoked: sign in again`,
    }),
  ];
}

/** Asks ZITADEL whether the token still counts, where the application does so. */
async function confirm(scene: Scene, caller: Caller, token: string): Promise<readonly Finding[]> {
  const { resolved, http, discover } = scene;
  const said = await callersOf(resolved, http, discover).confirm?.ask(caller, token);
  return said ? [refused('token.revoked', said)] : [];
}
