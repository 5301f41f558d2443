import { openReceiver, type Receiver } from '../support/deliveries.js';
import { listOf, requiredId, textAt, type Answer } from './http.js';
import type { Call } from './real-api.js';
import { EXECUTIONS, post, removal, TARGETS } from './real-calls.js';
import type { Listening } from './world.js';

/** What a world lets the suite do to have events delivered. */
export interface Wiring {
  /** The host by which the server reaches this machine. */
  readonly host: string;
  readonly name: string;
  readonly change: (call: Call) => Promise<Answer['body']>;
  /** Makes the target, and sees to it that it is removed. */
  readonly make: (target: () => Promise<string>, undo: (id: string) => Call) => Promise<string>;
}

/** Where the suite is told of events. */
export class Ears {
  readonly #receivers: Receiver[] = [];

  async open({ host, name, change, make }: Wiring, events: readonly string[]): Promise<Listening> {
    const receiver = await openReceiver(host);
    this.#receivers.push(receiver);
    let signingKey = '';
    const id = await make(
      async () => {
        const body = await change(post(TARGETS, targetOf(name, receiver.url)));
        signingKey = textAt(body, 'signingKey');
        return requiredId(body, 'id');
      },
      (made) => removal(`${TARGETS}/${made}`),
    );
    for (const event of events) {
      const body = { condition: { event: { event } }, targets: [id] };
      await change({ method: 'PUT', path: EXECUTIONS, body });
    }
    return { signingKey, deliveries: receiver.deliveries };
  }

  async close(): Promise<void> {
    await Promise.all(this.#receivers.splice(0).map((receiver) => receiver.close()));
  }
}

/** Whether nobody listens yet: an execution of ours could take events away from somebody else's. */
export function isNobodysExecution({ status, body }: Answer): boolean {
  const on = listOf(body['executions']).map(({ condition }) => condition);
  return status === 200 && !on.some((condition) => 'event' in Object(condition));
}

function targetOf(name: string, endpoint: string): object {
  return { name, restWebhook: { interruptOnError: false }, timeout: '5s', endpoint };
}
