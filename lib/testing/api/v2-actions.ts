import {
  conditionOf,
  type EventCondition,
  executionId,
  type ExecutionRecord,
  type TargetInput,
  type TargetRecord,
} from '../actions/targets.js';
import { CHANGE_DATE, CREATION_DATE, datesJson, pagedJson, searchIn } from '../server/pages.js';
import {
  booleanField,
  byText,
  durationField,
  durationJson,
  field,
  invalid,
  type Message,
  messageField,
  messagesField,
  type Oneof,
  requireId,
  stringField,
  stringsField,
} from '../server/protojson.js';
import { notEmulated, ZitadelError } from '../server/replies.js';
import { isoOf } from '../world/world.js';
import { type ApiHandle, type ApiRow, callerWith } from './caller.js';

const KINDS = ['restWebhook', 'restCall', 'restAsync'] as const;
const LONGEST_TIMEOUT_MS = 270_000;

/** The key is shown here, and wherever the target is read. */
const createTarget: ApiHandle = (instance, exchange, message) => {
  const [kind, timeoutMs] = [kindIn(message), durationField(message, 'timeout') ?? 0];
  const [name, endpoint] = [stringField(message, 'name'), stringField(message, 'endpoint')];
  callerWith(instance, exchange, 'action.target.write');
  requireId(name, 'CreateTargetRequest.Name', 1_000);
  if (kind === undefined) throw invalid('CreateTargetRequest.TargetType: value is required');
  requireTimeout(timeoutMs, 'CreateTargetRequest', 'COMMAND-39f35d8uri');
  requireId(endpoint, 'CreateTargetRequest.Endpoint', 2_048);
  requireJson(message);
  const interruptOnError = booleanField(messageField(message, kind), 'interruptOnError');
  const input = { name, kind, interruptOnError, endpoint, timeoutMs };
  const { id, details, signingKey } = instance.targets.add(input);
  return { id, creationDate: isoOf(details.created), signingKey };
};

/** What is not set stays. `expirationSigningKey` makes a new key, and shows it. */
const updateTarget: ApiHandle = (instance, exchange, message) => {
  const change = changeIn(message);
  const rotate = durationField(message, 'expirationSigningKey') !== undefined;
  callerWith(instance, exchange, 'action.target.write');
  const id = requireId(exchange.params[0] ?? '', 'UpdateTargetRequest.Id');
  const { name, endpoint, timeoutMs } = change;
  if (name !== undefined) requireId(name, 'UpdateTargetRequest.Name', 1_000);
  if (endpoint !== undefined) requireId(endpoint, 'UpdateTargetRequest.Endpoint', 2_048);
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

/** One that is not there is no error. */
const deleteTarget: ApiHandle = (instance, exchange) => {
  callerWith(instance, exchange, 'action.target.delete');
  const details = instance.targets.remove(requireId(exchange.params[0] ?? '', 'DeleteTarget.Id'));
  return details === undefined ? {} : { deletionDate: isoOf(details.changed) };
};

const getTarget: ApiHandle = (instance, exchange) => {
  callerWith(instance, exchange, 'action.target.read');
  const target = instance.targets.find(requireId(exchange.params[0] ?? '', 'GetTarget.Id'));
  if (target !== undefined) return { target: targetJson(target) };
  throw new ZitadelError(5, 'QUERY-hj5oaniyrz', 'Errors.Target.NotFound');
};

const TARGET_FILTER: Oneof<TargetRecord> = {
  message: 'zitadel.action.v2.TargetSearchFilter',
  field: 'filter',
  members: {
    targetNameFilter: byText('targetName', ({ name }) => name, 'TEXT_FILTER'),
    inTargetIdsFilter: (value) => {
      const ids = stringsField(value, 'targetIds');
      return ({ id }) => ids.includes(id);
    },
  },
};

const listTargets: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListTargetsRequest', TARGET_FILTER);
  callerWith(instance, exchange, 'action.target.read');
  return pagedJson(instance, search, {
    name: 'targets',
    rows: instance.targets.all,
    columns: {
      ID: ({ id }) => id,
      CREATED_DATE: CREATION_DATE,
      CHANGED_DATE: CHANGE_DATE,
      NAME: ({ name }) => name,
    },
    json: targetJson,
  });
};

/** Replaces what an event calls. No targets: it calls nothing. */
const setExecution: ApiHandle = (instance, exchange, message) => {
  const condition = conditionOn(messageField(message, 'condition'));
  const targetIds = stringsField(message, 'targets');
  callerWith(instance, exchange, 'action.execution.write');
  if (condition === undefined) {
    throw new ZitadelError(3, 'COMMAND-w5smb6v7qu', 'Errors.Execution.Invalid');
  }
  const { details } = instance.targets.setExecution(condition, targetIds);
  return { setDate: isoOf(details.changed) };
};

const EXECUTION_FILTER: Oneof<ExecutionRecord> = {
  message: 'zitadel.action.v2.ExecutionSearchFilter',
  field: 'filter',
  members: {
    inConditionsFilter: (value) => {
      const ids = messagesField(value, 'conditions').flatMap((each) => {
        const condition = conditionOn(each);
        return condition === undefined ? [] : [executionId(condition)];
      });
      return ({ id }) => ids.includes(id);
    },
    executionTypeFilter: (value) => {
      const type = stringField(value, 'executionType');
      return () => type === 'EXECUTION_TYPE_EVENT';
    },
    targetFilter: (value) => {
      const wanted = stringField(value, 'targetId');
      return ({ targetIds }) => targetIds.includes(wanted);
    },
  },
};

/** Those that call a target. */
const listExecutions: ApiHandle = (instance, exchange, message) => {
  const search = searchIn(message, exchange, 'ListExecutionsRequest', EXECUTION_FILTER);
  callerWith(instance, exchange, 'action.execution.read');
  return pagedJson(instance, search, {
    name: 'executions',
    rows: instance.targets.executions,
    json: ({ id, targetIds, details }) => ({
      condition: { event: conditionOf(id) },
      ...datesJson(details),
      targets: targetIds,
    }),
  });
};

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
function conditionOn(condition: Message): EventCondition | undefined {
  if (['request', 'response', 'function'].some((each) => field(condition, each) !== undefined)) {
    throw notEmulated('executions on anything but events');
  }
  const on = messageField(condition, 'event');
  const [event, group] = [stringField(on, 'event'), stringField(on, 'group')];
  if (booleanField(on, 'all')) return { all: true };
  if (event !== '') return { event };
  return group === '' ? undefined : { group };
}

function targetJson(target: TargetRecord): object {
  const { kind, interruptOnError, details } = target;
  return {
    id: target.id,
    ...datesJson(details),
    name: target.name,
    [kind]: { interruptOnError: interruptOnError ? true : undefined },
    timeout: durationJson(target.timeoutMs),
    endpoint: target.endpoint,
    signingKey: target.signingKey,
    payloadType: 'PAYLOAD_TYPE_JSON',
  };
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

const TARGETS = '/v2/actions/targets';

export const ACTIONS: readonly ApiRow[] = [
  ['POST', TARGETS, 'addTarget', createTarget],
  ['POST', `${TARGETS}/search`, 'listTargets', listTargets],
  ['GET', `${TARGETS}/*`, 'getTarget', getTarget],
  ['POST', `${TARGETS}/*`, 'changeTarget', updateTarget],
  ['DELETE', `${TARGETS}/*`, 'removeTarget', deleteTarget],
  ['PUT', '/v2/actions/executions', 'setExecution', setExecution],
  ['POST', '/v2/actions/executions/search', 'listExecutions', listExecutions],
];
