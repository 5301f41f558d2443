import { has } from '../../core/own-properties.js';
import type { Http } from '../http.js';
import { isId, isRecord, listOf, listOfTexts, pageFrom, pageRequest, textOf } from '../reading.js';
import { endless, unusable, ZitadelApiError } from '../refusals.js';
import { Administration, type Json, segment, type Ways } from '../setup/administration.js';

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

const REST = '/v2/actions';
const CONNECT = 'action.v2.ActionService';

/** ZITADEL's targets and executions (Actions v2), as an `IAM_OWNER`. Each method throws a ZitadelError if ZITADEL does not do it. */
export class Actions {
  readonly #zitadel: Administration;

  constructor(http: Http, token: string) {
    this.#zitadel = new Administration(http, token, 'actions');
  }

  /** The target of this name. Names are unique. */
  async find(name: string): Promise<Target | undefined> {
    return (await this.targets()).find((target) => target.name === name);
  }

  async targets(): Promise<readonly Target[]> {
    const rows = await this.#list('list of targets', 'targets', 'ListTargets');
    return rows.map(targetFrom);
  }

  /** Makes a target. Its signing key is told only here. */
  async create(
    name: string,
    settings: TargetSettings,
  ): Promise<{ readonly id: string; readonly signingKey: string }> {
    const message = { name, ...messageOf(settings) };
    const { id, signingKey } = await this.#zitadel.do('new target', {
      rest: ['POST', `${REST}/targets`, message],
      connect: [`${CONNECT}/CreateTarget`, message],
    });
    if (typeof id !== 'string' || typeof signingKey !== 'string') throw unusable('new target');
    return { id, signingKey };
  }

  async change(id: string, settings: TargetSettings): Promise<void> {
    const message = { ...messageOf(settings), payloadType: 'PAYLOAD_TYPE_JSON' };
    await this.#update('change of the target', id, message);
  }

  /** From now on deliveries are signed with another key. Returns it. */
  async rotate(id: string): Promise<string> {
    const what = 'new signing key';
    const { signingKey } = await this.#update(what, id, { expirationSigningKey: '0s' });
    if (typeof signingKey !== 'string') throw unusable(what);
    return signingKey;
  }

  async remove(id: string): Promise<void> {
    await this.#zitadel.do('removal of the target', {
      rest: ['DELETE', `${REST}/targets/${segment(id)}`],
      connect: [`${CONNECT}/DeleteTarget`, { id }],
    });
  }

  /** What happens on events. */
  async executions(): Promise<readonly Execution[]> {
    const filters = [{ executionTypeFilter: { executionType: 'EXECUTION_TYPE_EVENT' } }];
    const what = 'list of executions';
    return (await this.#list(what, 'executions', 'ListExecutions', filters)).map(executionFrom);
  }

  /** Replaces the targets of one event. None: the event has no execution of its own. False: this server does not know the event. */
  async setTargets(event: string, targets: readonly string[]): Promise<boolean> {
    const message = { condition: { event: { event } }, targets };
    try {
      await this.#zitadel.do(`execution on ${event}`, {
        rest: ['PUT', `${REST}/executions`, message],
        connect: [`${CONNECT}/SetExecution`, message],
      });
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

  /** A connect message has the id that REST has in its path. */
  #update(what: string, id: string, message: Json): Promise<Json> {
    return this.#zitadel.do(what, {
      rest: ['POST', `${REST}/targets/${segment(id)}`, message],
      connect: [`${CONNECT}/UpdateTarget`, { ...message, id }],
    });
  }

  async #list(what: string, name: string, rpc: string, filters?: readonly Json[]) {
    const list = await listOf<Json, never>(
      async (offset) => {
        const message = { ...pageRequest(offset), filters };
        const ways: Ways = {
          rest: ['POST', `${REST}/${name}/search`, message],
          connect: [`${CONNECT}/${rpc}`, message],
        };
        const page = pageFrom(await this.#zitadel.do(what, ways, true), name);
        if (!page) throw unusable(what);
        return page;
      },
      (row) => JSON.stringify([row['id'], row['condition']]),
    );
    if (has(list, 'instead') || list.goesOn) throw endless(what);
    return list.rows;
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
