import { type Core, requireCaller } from '../core.js';
import {
  type Answer,
  type Exchange,
  headerOf,
  JSON_TYPE,
  jsonAnswer,
  refusalAnswer,
  ZitadelError,
} from '../server/answers.js';
import type { ConnectHandle } from '../server/connect.js';
import { pagedJson, paginationOf, sortingColumnOf } from '../server/pages.js';
import {
  type Administrator,
  administratorConditions,
  administratorJson,
  administratorsOf,
  isVisible,
} from './v2-administrators.js';

const COLUMNS = ['USER_ID', 'CREATION_DATE', 'CHANGE_DATE'] as const;

/** InternalPermissionService.ListAdministrators: anybody may ask, and sees what they may see. */
export const listAdministrators: ConnectHandle = (core, exchange, message) => {
  const asked = paginationOf(message);
  const { user } = requireCaller(core, exchange);
  const conditions = administratorConditions(message, exchange.body, core.newFilters);
  const page = core.limits.ofV2(asked);
  const state = core.world.reads;
  const list = {
    name: 'administrators',
    rows: administratorsOf(state).filter((row) => conditions.every((holds) => holds(row))),
    order: orderOf(sortingColumnOf(message, COLUMNS)),
    visible: (row: Administrator) => isVisible(core.world, user.id, row),
    json: (row: Administrator) => administratorJson(state, row),
  };
  return jsonAnswer(200, pagedJson(list, page));
};

/**
 * POST /v2beta/administrators/search: meant as a search, but ZITADEL's routing takes it for the change of
 * the administrator whose user id is `search`.
 */
export function searchAdministratorsBeta(core: Core, exchange: Exchange): Answer {
  requireCaller(core, exchange);
  const refusal = new ZitadelError(3, 'ADMIN-i0V2IbdloZ', 'Errors.Invalid.Argument');
  const answer = refusalAnswer(refusal, headerOf(exchange, 'accept-language'));
  return { ...answer, headers: { 'content-type': JSON_TYPE } };
}

function orderOf(
  column: string | undefined,
): (left: Administrator, right: Administrator) => number {
  return (left, right) => {
    const [one, two] = [left.member.details, right.member.details];
    if (column === 'CHANGE_DATE') return one.changed - two.changed;
    if (column === 'USER_ID' && left.user.id !== right.user.id) {
      return left.user.id < right.user.id ? -1 : 1;
    }
    return one.created - two.created;
  };
}
