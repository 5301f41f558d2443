import { has } from '../../core/own-properties.js';
import { type Call, OURSELVES } from '../call.js';
import type { Http } from '../http.js';
import { isId, isRecord, listOf, listOfTexts, pageFrom, pageRequest, textOf } from '../reading.js';
import { bodyOrThrow, endless, unusable, ZitadelApiError } from '../refusals.js';
import { type Done, isDone, isTrouble } from '../reply.js';

/** Where ZITADEL delivers events to. */
export interface Target {
  readonly id: string;
  readonly name: string;
  readonly endpoint: string;
  readonly timeoutSeconds: number;
  /** Whether it is a webhook that interrupts nothing and gets JSON, as the receiver needs it. */
  readonly isPlainWebhook: boolean;
  /** What its deliveries are signed with, as far as ZITADEL tells it. */
  readonly signingKey: string | undefined;
  /** When it was made, by ZITADEL's clock, in milliseconds since 1970. */
  readonly madeAt: number;
}

/** Which targets an event goes to. */
export interface Execution {
  /** One event, a group of them (`org.member.*`), or all (`*`). Only the best match counts: the event, else the longest group, else all. */
  readonly on: string;
  readonly targets: readonly string[];
}

export interface TargetSettings {
  readonly endpoint: string;
  readonly timeoutSeconds: number;
}

type Json = Readonly<Record<string, unknown>>;

/** Where one call stands in REST, and in connect. Some servers have only the latter. */
interface Way {
  readonly method: Call['method'];
  readonly path: string;
  readonly connect: string;
}

const REST = '/v2/actions';
const CONNECT = '/zitadel.action.v2.ActionService/';
/** A connect message has the id that REST has in its path. */
const byId = (method: Call['method'], id: string, connect: string): Way => ({
  method,
  path: `${REST}/targets/${encodeURIComponent(id)}`,
  connect,
});

/** ZITADEL's targets and executions (Actions v2), as an `IAM_OWNER`. Each method throws a ZitadelError if ZITADEL does not do it. */
export class Actions {
  readonly #http: Http;
  readonly #token: string;
  #connects = false;

  constructor(http: Http, token: string) {
    this.#http = http;
    this.#token = token;
  }

  /** The target of this name. Names are unique. */
  async find(name: string): Promise<Target | undefined> {
    const way = { method: 'POST', path: `${REST}/targets/search`, connect: 'ListTargets' } as const;
    const rows = await this.#list('list of targets', way, 'targets');
    return rows.map(targetFrom).find((target) => target.name === name);
  }

  /** Makes a target. Its signing key is told only here. */
  async create(
    name: string,
    settings: TargetSettings,
  ): Promise<{ readonly id: string; readonly signingKey: string }> {
    const way = { method: 'POST', path: `${REST}/targets`, connect: 'CreateTarget' } as const;
    const { id, signingKey } = await this.#call('new target', way, {
      name,
      ...messageOf(settings),
    });
    if (typeof id !== 'string' || typeof signingKey !== 'string') throw unusable('new target');
    return { id, signingKey };
  }

  async change(id: string, settings: TargetSettings): Promise<void> {
    const message = { ...messageOf(settings), payloadType: 'PAYLOAD_TYPE_JSON' };
    await this.#call('change of the target', byId('POST', id, 'UpdateTarget'), message, id);
  }

  /** From now on deliveries are signed with another key. Returns it. */
  async rotate(id: string): Promise<string> {
    const way = byId('POST', id, 'UpdateTarget');
    const { signingKey } = await this.#call(
      'new signing key',
      way,
      { expirationSigningKey: '0s' },
      id,
    );
    if (typeof signingKey !== 'string') throw unusable('new signing key');
    return signingKey;
  }

  async remove(id: string): Promise<void> {
    const way = byId('DELETE', id, 'DeleteTarget');
    await this.#call('removal of the target', way, undefined, id);
  }

  /** What happens on events. */
  async executions(): Promise<readonly Execution[]> {
    const path = `${REST}/executions/search`;
    const way = { method: 'POST', path, connect: 'ListExecutions' } as const;
    const filter = { executionTypeFilter: { executionType: 'EXECUTION_TYPE_EVENT' } };
    const rows = await this.#list('list of executions', way, 'executions', [filter]);
    return rows.map(executionFrom);
  }

  /** Replaces the targets of one event. None: the event has no execution of its own. False: this server does not know the event. */
  async setTargets(event: string, targets: readonly string[]): Promise<boolean> {
    const way = { method: 'PUT', path: `${REST}/executions`, connect: 'SetExecution' } as const;
    try {
      await this.#call(`execution on ${event}`, way, { condition: { event: { event } }, targets });
      return true;
    } catch (error) {
      if (hasId(error, 'COMMAND-74aaqj8fv9')) return false;
      throw error;
    }
  }

  /** Whether this server knows the event. No list tells it, but ZITADEL looks at the event before it misses the target. Changes nothing. */
  async knows(event: string): Promise<boolean> {
    try {
      return await this.setTargets(event, ['none']);
    } catch (error) {
      if (hasId(error, 'COMMAND-17e8fq1ggk')) return true;
      throw error;
    }
  }

  async #list(what: string, way: Way, name: string, filters?: readonly Json[]): Promise<Json[]> {
    const list = await listOf<Json, never>(
      async (offset) => {
        const message = { ...pageRequest(offset), filters };
        const body = await this.#call(what, way, message, undefined, true);
        const page = pageFrom(body, name);
        if (!page) throw unusable(what);
        return page;
      },
      (row) => JSON.stringify([row['id'], row['condition']]),
    );
    if (has(list, 'instead') || list.goesOn) throw endless(what);
    return [...list.rows];
  }

  async #call(
    what: string,
    { method, path, connect }: Way,
    message: Json | undefined,
    id?: string,
    repeatable = false,
  ): Promise<Done['body']> {
    const call = { family: 'actions', token: this.#token, who: OURSELVES, repeatable };
    if (!this.#connects) {
      const json = message && { json: message };
      const reply = await this.#http({ ...call, method, path, ...json });
      const isServed = isDone(reply) || isTrouble(reply) || reply.says !== 'notServed';
      if (isServed) return bodyOrThrow(reply, what);
      this.#connects = true;
    }
    const json = id === undefined ? (message ?? {}) : { ...message, id };
    const reply = await this.#http({ ...call, method: 'POST', path: CONNECT + connect, json });
    return bodyOrThrow(reply, what);
  }
}

function hasId(error: unknown, id: string): boolean {
  return error instanceof ZitadelApiError && error.id === id;
}

function messageOf({ endpoint, timeoutSeconds }: TargetSettings): Json {
  const restWebhook = { interruptOnError: false };
  return { restWebhook, timeout: `${timeoutSeconds}s`, endpoint };
}

function targetFrom(row: Json): Target {
  const { id, name, endpoint, timeout, restWebhook, payloadType, signingKey, creationDate } = row;
  const isJson = ['', 'PAYLOAD_TYPE_UNSPECIFIED', 'PAYLOAD_TYPE_JSON'].includes(
    textOf(payloadType),
  );
  if (typeof id !== 'string') throw unusable('list of targets');
  return {
    id,
    name: textOf(name),
    endpoint: textOf(endpoint),
    timeoutSeconds: Number.parseFloat(textOf(timeout)),
    isPlainWebhook: isJson && isRecord(restWebhook) && restWebhook['interruptOnError'] !== true,
    signingKey: isId(signingKey) ? signingKey : undefined,
    madeAt: Date.parse(textOf(creationDate)),
  };
}

function executionFrom({ condition, targets }: Json): Execution {
  const on = isRecord(condition) ? condition['event'] : undefined;
  const ids = listOfTexts(targets);
  if (!isRecord(on) || !ids) throw unusable('list of executions');
  const { event, group } = on;
  if (typeof event === 'string' && event !== '') return { on: event, targets: ids };
  if (typeof group !== 'string' || group === '') return { on: '*', targets: ids };
  return { on: group.endsWith('.*') ? group : `${group}.*`, targets: ids };
}
