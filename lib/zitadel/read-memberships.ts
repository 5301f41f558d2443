import { isRefusal, type Refusal } from '../core/decision.js';
import type { MembershipRows, ReadMemberships } from '../core/membership.js';
import type { Send } from './administrators.js';
import type { ApiGeneration, Tried } from './api-generation.js';
import { requireServiceToken } from './as-service-user.js';
import type { Http } from './http.js';
import { readAdministrators } from './read-administrators.js';
import { readMine, readOfUser } from './read-lists.js';
import type { ServiceToken } from './service-token.js';

/** Who reads memberships, and how. */
export interface MembershipReaderParts {
  readonly http: Http;
  /** Looked at only as the caller: as the service user it follows from `everywhere`. */
  readonly generation: ApiGeneration;
  readonly as: 'caller' | 'serviceUser';
  readonly serviceToken: ServiceToken | undefined;
  /** As the service user: over all organizations at once (API v2), instead of one by one (API v1). */
  readonly everywhere: boolean;
}

/** The one way by which memberships are read: as the caller or as the service user, by API v1 or v2. */
export function createMembershipReader(parts: MembershipReaderParts): ReadMemberships {
  const { http, generation, as, everywhere } = parts;
  if (as === 'caller') {
    return (question) => {
      const send: Send = (call) => http({ ...call, token: question.token });
      return generation.ask((asked) =>
        asked === 'v1' ? readMine(http, question) : readAdministrators(send, 'caller', question),
      );
    };
  }
  return async (question) => {
    const serviceToken = requireServiceToken(parts.serviceToken, 'memberships');
    const send: Send = (call) => serviceToken.call(call);
    return everywhere
      ? orElse(await readAdministrators(send, 'instanceReader', question), NO_V2)
      : orElse(await readOfUser(serviceToken, question), NO_V1);
  };
}

const NO_V1 =
  'this server, or a proxy before it, does not serve API v1: leave out memberships.organizations and give the service user IAM_OWNER_VIEWER, then API v2 is used';
const NO_V2 =
  'this server, or a proxy before it, does not serve API v2: name the organizations in memberships.organizations, then API v1 is used';

/** There is no other generation to go to: each sees something else. */
function orElse(
  { served, value }: Tried<MembershipRows | Refusal>,
  remedy: string,
): MembershipRows | Refusal {
  return served === false && isRefusal(value) ? { ...value, remedy } : value;
}
