import type { MembershipRows } from '../../core/caller.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import type { ReadMemberships } from '../../core/memory/caller-facts.js';
import type { ApiGeneration, Tried } from '../generation.js';
import type { Http } from '../http.js';
import { LIST_CALL, listOfTexts } from '../reading.js';
import { refusalOf, unfit } from '../refusals.js';
import { type Done, isDone, isTrouble } from '../reply.js';
import { requireServiceToken, type ServiceToken } from '../service-user.js';
import { readMine, readOfUser } from './by-v1.js';
import { createAdministratorReader, type Send } from './by-v2.js';

/** Who reads memberships, and how. */
interface MembershipReaderParts {
  readonly http: Http;
  /** Only for reading as the caller. As the service user, `everywhere` decides. */
  readonly generation: ApiGeneration;
  readonly as: 'caller' | 'serviceUser';
  readonly serviceToken: ServiceToken | undefined;
  /** Whether the service user reads all organizations at once (API v2), instead of one by one (API v1). */
  readonly everywhere: boolean;
}

/** Makes the one reader of memberships: as the caller or as the service user, by API v1 or v2. */
export function createMembershipReader(parts: MembershipReaderParts): ReadMemberships {
  const { http, generation, as, everywhere } = parts;
  const readAdministrators = createAdministratorReader();
  if (as === 'caller') {
    return (question) => {
      const send: Send = (call) => http({ ...call, token: question.token });
      const byV2 = () => readAdministrators(send, 'caller', question);
      return generation.ask(async (asked) => {
        if (asked === 'v2') return byV2();
        // v1 cannot narrow a list by roles, and would read everything.
        if (question.on?.kind === 'orgsByRoles' && generation.isOpen) {
          const { value } = await byV2();
          if (!isRefusal(value) && value.complete) return { served: undefined, value };
        }
        return readMine(send, question);
      });
    };
  }
  return async (question) => {
    const serviceToken = requireServiceToken(parts.serviceToken, 'memberships');
    const send: Send = (call) => serviceToken.call(call);
    return everywhere
      ? orElse(await readAdministrators(send, 'instanceReader', question), NO_V2)
      : orElse(await readOfUser(send, question), NO_V1);
  };
}

const NO_V1 =
  'this server, or a proxy before it, does not serve API v1: leave out memberships.organizations and give the service user IAM_OWNER_VIEWER, then API v2 is used';
const NO_V2 =
  'this server, or a proxy before it, does not serve API v2: name the organizations in memberships.organizations, then API v1 is used';

/** Gives the remedy if the generation is not served. The other one is not asked instead: it sees other rows. */
function orElse(
  { served, value }: Tried<MembershipRows | Refusal>,
  remedy: string,
): MembershipRows | Refusal {
  return served === false && isRefusal(value) ? { ...value, remedy } : value;
}

const WHAT = 'permissions';

/** Asks for a caller's permissions in one organization ('': the caller's own). They are `permission`, or `permission:id` for one resource. */
type AskPermissions = (
  userId: string,
  token: string,
  orgId: string,
) => Promise<readonly string[] | Refusal>;

/**
 * Asks for ZITADEL's own evaluation, so that custom roles count: List My ZITADEL Permissions,
 * `POST /auth/v1/permissions/zitadel/me/_search`, with the caller's token. API v1 only.
 */
export function askPermissions(http: Http): AskPermissions {
  return async (userId, token, orgId) => {
    // There are about forty entries for each project that the caller manages.
    const reply = await http({
      ...LIST_CALL,
      family: WHAT,
      path: '/auth/v1/permissions/zitadel/me/_search',
      token,
      ...(orgId !== '' && { orgId }),
      json: {},
      who: userId,
    });
    if (isDone(reply)) {
      return permissionsFrom(reply.body) ?? unfit(WHAT, 'the reply is not a list');
    }
    const refusal = refusalOf(reply, 'caller', WHAT);
    if (isTrouble(reply)) return refusal;
    // Nobody has a permission in an organization that does not exist.
    if (reply.status === 403 && reply.id === 'AUTH-Bs7Ds') return [];
    return reply.says === 'notServed' ? { ...refusal, remedy: NO_PERMISSIONS } : refusal;
  };
}

const NO_PERMISSIONS =
  'effective permissions exist on API v1 only, which this server does not serve: require roles instead';

/** Without permissions, ZITADEL's reply is empty. A reply without a list that says anything else is not ZITADEL's. */
function permissionsFrom({ result, ...more }: Done['body']): readonly string[] | undefined {
  return result === undefined && Object.keys(more).length > 0 ? undefined : listOfTexts(result);
}
