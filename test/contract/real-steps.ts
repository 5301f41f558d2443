import { listOf, textAt, type Answer } from './http.js';
import type { Call, RealApi } from './real-api.js';
import { until } from './world.js';

export const V1 = '/management/v1';

/** The steps of which the verbs on a real server consist: change something, then wait until it can be seen. */
export class RealSteps {
  constructor(readonly api: RealApi) {}

  async post(path: string, body: unknown, org?: string): Promise<Answer['body']> {
    return (await this.api.call(post(path, body, org))).body;
  }

  async delete(path: string, org?: string): Promise<void> {
    await this.api.call(removal(path, org));
  }

  /** Waits until an answer shows it. Refusals are no answer yet, unless `shows` takes them. */
  seen(what: string, call: Call, shows: (answer: Answer) => boolean): Promise<void> {
    return until(what, async () => shows(await this.api.ask(call)));
  }

  /** Waits until something is in the list of its kind, or no longer. */
  listed(path: string, org: string, id: string, there: boolean): Promise<void> {
    return this.seen(`${path} ${id}`, post(`${path}/_search`, {}, org), (answer) => {
      const ids = listOf(answer.body['result']).map((row) => textAt(row, 'id'));
      return answer.status === 200 && ids.includes(id) === there;
    });
  }

  /** Removes something from the list of its kind. */
  async drop(path: string, org: string, id: string): Promise<void> {
    await this.delete(`${path}/${id}`, org);
    await this.listed(path, org, id, false);
  }

  /** Waits until something that has a state is in it. */
  inState(state: string, path: string, org: string, kind: string): Promise<void> {
    return this.seen(`${path} ${state}`, get(path, org), ({ body }) => {
      return textAt(body, kind, 'state') === state;
    });
  }

  gone(path: string, org: string): Promise<void> {
    return this.seen(`${path} gone`, get(path, org), ({ status }) => [403, 404].includes(status));
  }
}

export function get(path: string, org?: string): Call {
  return { method: 'GET', path, ...(org !== undefined && { org }) };
}

export function post(path: string, body: unknown, org?: string): Call {
  return { method: 'POST', path, body, ...(org !== undefined && { org }) };
}

export function removal(path: string, org?: string): Call {
  return { method: 'DELETE', path, ...(org !== undefined && { org }) };
}
