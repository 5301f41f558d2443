import {
  conditionOf,
  type EventCondition,
  executionId,
  type TargetInput,
  type TargetRecord,
} from '../actions/targets.js';
import type { Instance } from '../instance.js';
import { pagedJson, pageIn, sortingColumnOf } from '../server/pages.js';
import {
  booleanField,
  durationField,
  durationJson,
  field,
  invalid,
  type Message,
  messageField,
  messagesField,
  requireId,
  stringField,
  stringsField,
} from '../server/protojson.js';
import { type Exchange, ZitadelError } from '../server/replies.js';
import { isoOf } from '../world/world.js';
import { type ApiHandle, callerOf, type Permission } from './caller.js';

const KINDS = ['restWebhook', 'restCall', 'restAsync'] as const;
const LONGEST_TIMEOUT_MS = 270_000;

/** POST /v2/actions/targets: the key is shown here, and wherever the target is read. */
export const createTarget: ApiHandle = (instance, exchange, message) => {
  const [kind, timeoutMs] = [kindIn(message), durationField(message, 'timeout') ?? 0];
  const [name, endpoint] = [stringField(message, 'name'), stringField(message, 'endpoint')];
  requireCaller(instance, exchange, 'action.target.write');
  requireLength(name, 1_000, 'CreateTargetRequest.Name');
  if (kind === undefined) throw invalid('CreateTargetRequest.TargetType: value is required');
  requireTimeout(timeoutMs, 'CreateTargetRequest', 'COMMAND-39f35d8uri');
  requireLength(endpoint, 2_048, 'CreateTargetRequest.Endpoint');
  requireJson(message);
  const interruptOnError = booleanField(messageField(message, kind), 'interruptOnError');
  const input = { name, kind, interruptOnError, endpoint, timeoutMs };
  const { id, details, signingKey } = instance.targets.add(input);
  return { id, creationDate: isoOf(details.created), signingKey };
};

/** POST /v2/actions/targets/{id}: what is not set stays. `expirationSigningKey` makes a new key, and shows it. */
export const updateTarget: ApiHandle = (instance, exchange, message) => {
  const change = changeIn(message);
  const rotate = durationField(message, 'expirationSigningKey') !== undefined;
  requireCaller(instance, exchange, 'action.target.write');
  const id = requireId(exchange.params[0] ?? '', 'UpdateTargetRequest.Id');
  const { name, endpoint, timeoutMs } = change;
  if (name !== undefined) requireLength(name, 1_000, 'UpdateTargetRequest.Name');
  if (endpoint !== undefined) requireLength(endpoint, 2_048, 'UpdateTargetRequest.Endpoint');
  if (timeoutMs !== undefined) {
    requireTimeout(timeoutMs, 'UpdateTargetRequest', 'COMMAND-08b39vdi57');
  }
  if ((durationField(message, 'expirationSigningKey') ?? 0) !== 0) {
    throw invalid('UpdateTargetRequest.ExpirationSigningKey: value must equal 0s');
  }
  requireJson(message);
  const { details, signingKey } = instance.targets.change(id, change, rotate);
  return { changeDate: isoOf(details.changed), signingKey: rotate ? signingKey : undefined };
};

/** DELETE /v2/actions/targets/{id}: one that is not there is no error. */
export const deleteTarget: ApiHandle = (instance, exchange) => {
  requireCaller(instance, exchange, 'action.target.delete');
  const details = instance.targets.remove(requireId(exchange.params[0] ?? '', 'DeleteTarget.Id'));
  return details === undefined ? {} : { deletionDate: isoOf(details.changed) };
};

/** GET /v2/actions/targets/{id} */
export const getTarget: ApiHandle = (instance, exchange) => {
  requireCaller(instance, exchange, 'action.target.read');
  const target = instance.targets.find(requireId(exchange.params[0] ?? '', 'GetTarget.Id'));
  if (target !== undefined) return { target: targetJson(target) };
  throw new ZitadelError(5, 'QUERY-hj5oaniyrz', 'Errors.Target.NotFound');
};

/** POST /v2/actions/targets/search */
export const listTargets: ApiHandle = (instance, exchange, message) => {
  const filters = messagesField(message, 'filters').map(targetFilter);
  const page = pageIn(message, 'pagination');
  const column = sortingColumnOf(message, ['ID', 'CREATED_DATE', 'CHANGED_DATE', 'NAME']);
  requireCaller(instance, exchange, 'action.target.read');
  const list = {
    name: 'targets',
    rows: instance.targets.all.filter((target) => filters.every((fits) => fits(target))),
    order: (left: TargetRecord, right: TargetRecord) =>
      column === 'NAME'
        ? left.name.localeCompare(right.name)
        : left.details.created - right.details.created,
    visible: () => true,
    json: targetJson,
  };
  return pagedJson(list, instance.limits.ofV2(page));
};

/** PUT /v2/actions/executions: replaces what an event calls. No targets: it calls nothing. */
export const setExecution: ApiHandle = (instance, exchange, message) => {
  const condition = conditionIn(messageField(message, 'condition'));
  const targetIds = stringsField(message, 'targets');
  requireCaller(instance, exchange, 'action.execution.write');
  if (condition === undefined) {
    throw new ZitadelError(3, 'COMMAND-w5smb6v7qu', 'Errors.Execution.Invalid');
  }
  const { details } = instance.targets.setExecution(condition, targetIds);
  return { setDate: isoOf(details.changed) };
};

/** POST /v2/actions/executions/search: those that call a target. */
export const listExecutions: ApiHandle = (instance, exchange, message) => {
  const filters = messagesField(message, 'filters').map(executionFilter);
  const page = pageIn(message, 'pagination');
  requireCaller(instance, exchange, 'action.execution.read');
  type Row = (typeof instance.targets.executions)[number];
  const list = {
    name: 'executions',
    rows: instance.targets.executions.filter((row) => filters.every((fits) => fits(row))),
    order: (left: Row, right: Row) => left.details.created - right.details.created,
    visible: () => true,
    json: ({ id, targetIds, details }: Row) => ({
      condition: { event: conditionOf(id) },
      creationDate: isoOf(details.created),
      changeDate: isoOf(details.changed),
      targets: targetIds,
    }),
  };
  return pagedJson(list, instance.limits.ofV2(page));
};

function requireCaller(instance: Instance, exchange: Exchange, permission: Permission): void {
  callerOf(instance, exchange).require(permission);
}

function kindIn(message: Message): TargetRecord['kind'] | undefined {
  return KINDS.find((kind) => field(message, kind) !== undefined);
}

function changeIn(message: Message): Partial<TargetInput> {
  const kind = kindIn(message);
  const has = (name: string): boolean => field(message, name) !== undefined;
  const interruptOnError =
    kind !== undefined && booleanField(messageField(message, kind), 'interruptOnError');
  return {
    ...(kind && { kind, interruptOnError }),
    ...(has('name') && { name: stringField(message, 'name') }),
    ...(has('timeout') && { timeoutMs: durationField(message, 'timeout') ?? 0 }),
    ...(has('endpoint') && { endpoint: stringField(message, 'endpoint') }),
  };
}

/** Conditions on requests, responses and functions are not emulated. */
function conditionIn(condition: Message): EventCondition | undefined {
  if (['request', 'response', 'function'].some((each) => field(condition, each) !== undefined)) {
    throw notEmulated('executions on anything but events');
  }
  const on = messageField(condition, 'event');
  const [event, group] = [stringField(on, 'event'), stringField(on, 'group')];
  if (booleanField(on, 'all')) return { all: true };
  if (event !== '') return { event };
  return group === '' ? undefined : { group };
}

function targetFilter(filter: Message): (target: TargetRecord) => boolean {
  if (field(filter, 'inTargetIdsFilter') !== undefined) {
    const ids = stringsField(messageField(filter, 'inTargetIdsFilter'), 'targetIds');
    return ({ id }) => ids.includes(id);
  }
  const named = messageField(filter, 'targetNameFilter');
  const [wanted, method] = [stringField(named, 'targetName'), stringField(named, 'method')];
  if (method === '' || method === 'TEXT_FILTER_METHOD_EQUALS') {
    return ({ name }) => name === wanted;
  }
  throw notEmulated(`the filter method ${method}`);
}

function executionFilter(filter: Message) {
  type Row = { readonly id: string; readonly targetIds: readonly string[] };
  if (field(filter, 'targetFilter') !== undefined) {
    const wanted = stringField(messageField(filter, 'targetFilter'), 'targetId');
    return ({ targetIds }: Row) => targetIds.includes(wanted);
  }
  if (field(filter, 'executionTypeFilter') !== undefined) {
    const type = stringField(messageField(filter, 'executionTypeFilter'), 'executionType');
    return () => type === 'EXECUTION_TYPE_EVENT';
  }
  const conditions = messagesField(messageField(filter, 'inConditionsFilter'), 'conditions');
  const ids = conditions.flatMap((each) => {
    const condition = conditionIn(each);
    return condition === undefined ? [] : [executionId(condition)];
  });
  return ({ id }: Row) => ids.includes(id);
}

function targetJson(target: TargetRecord): object {
  const { kind, interruptOnError, details } = target;
  return {
    id: target.id,
    creationDate: isoOf(details.created),
    changeDate: isoOf(details.changed),
    name: target.name,
    [kind]: { interruptOnError: interruptOnError ? true : undefined },
    timeout: durationJson(target.timeoutMs),
    endpoint: target.endpoint,
    signingKey: target.signingKey,
    payloadType: 'PAYLOAD_TYPE_JSON',
  };
}

function requireLength(text: string, most: number, complaint: string): void {
  const { length } = [...text];
  if (length >= 1 && length <= most) return;
  const bounds = `between 1 and ${String(most)} runes, inclusive`;
  throw invalid(`${complaint}: value length must be ${bounds}`);
}

function requireTimeout(timeoutMs: number, request: string, id: string): void {
  if (timeoutMs < 0 || timeoutMs > LONGEST_TIMEOUT_MS) {
    throw invalid(`${request}.Timeout: value must be inside range [0s, 4m30s]`);
  }
  if (timeoutMs === 0) throw new ZitadelError(3, id, 'Errors.Target.NoTimeout');
}

function requireJson(message: Message): void {
  const type = stringField(message, 'payloadType');
  if (['', 'PAYLOAD_TYPE_UNSPECIFIED', 'PAYLOAD_TYPE_JSON'].includes(type)) return;
  throw notEmulated(`targets with ${type}`);
}

function notEmulated(what: string): ZitadelError {
  return new ZitadelError(12, undefined, `the ZITADEL emulator does not emulate ${what}`);
}
