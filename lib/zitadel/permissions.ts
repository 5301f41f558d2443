import type { Refusal } from '../core/decision.js';
import { errorIdOf } from './error-id.js';
import { isTrouble } from './exchange.js';
import type { Http } from './http.js';
import { MOST_BYTES } from './list-answer.js';
import { refusalOf, unfit } from './reply-refusal.js';
import { isRecord, listOfTexts } from './shape.js';

const WHAT = 'permissions';

/** Asks for a caller's permissions in one organization: `permission`, or `permission:id` for one resource. */
export type AskPermissions = (
  userId: string,
  token: string,
  orgId: string,
) => Promise<readonly string[] | Refusal>;

/**
 * ZITADEL's own evaluation, so that custom roles count: List My ZITADEL Permissions, `POST /auth/v1/permissions/zitadel/me/_search`, with
 * the caller's token. API v1 only.
 */
export function askPermissions(http: Http): AskPermissions {
  return async (userId, token, orgId) => {
    const reply = await http({
      family: WHAT,
      method: 'POST',
      path: '/auth/v1/permissions/zitadel/me/_search',
      token,
      orgId,
      json: {},
      who: userId,
      // Whoever manages many projects of an organization has some forty entries for each.
      maxBytes: MOST_BYTES,
      repeatable: true,
    });
    if (isTrouble(reply)) return refusalOf(reply, 'caller', WHAT);
    const { status, body } = reply;
    if (reply.says === 'notServed') {
      return {
        ...refusalOf(reply, 'caller', WHAT),
        remedy:
          'effective permissions exist on API v1 only, which this server does not serve: require roles instead',
      };
    }
    // Nobody has a permission in an organization that does not exist.
    if (status === 403 && errorIdOf(body) === 'AUTH-Bs7Ds') return [];
    if (status !== 200) return refusalOf(reply, 'caller', WHAT);
    return permissionsFrom(body) ?? unfit(WHAT, 'the answer is no list');
  };
}

/** No permissions are an empty answer: one that says anything else is none of ZITADEL's. */
function permissionsFrom(body: unknown): readonly string[] | undefined {
  if (!isRecord(body)) return undefined;
  const { result, ...more } = body;
  return result === undefined && Object.keys(more).length > 0 ? undefined : listOfTexts(result);
}
