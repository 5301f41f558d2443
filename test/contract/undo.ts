import type { Call, RealApi } from './real-api.js';

const TRIES = 3;

/** What was made on a server, to be taken away again in the opposite order. */
export class Undo {
  #steps: { readonly what: string; readonly call: Call }[] = [];

  add(what: string, call: Call): void {
    this.#steps.push({ what, call });
  }

  /** @throws when something could not be taken away, naming all of it; the rest is taken away first */
  async run(api: RealApi): Promise<void> {
    const left: string[] = [];
    for (const { what, call } of this.#steps.reverse()) {
      const trouble = await attempt(api, call);
      if (trouble !== undefined) left.push(`${what}: ${trouble}`);
    }
    this.#steps = [];
    if (left.length > 0) throw new Error(`left behind on the server:\n  ${left.join('\n  ')}`);
  }
}

async function attempt(api: RealApi, call: Call): Promise<string | undefined> {
  let trouble: string | undefined;
  for (let tried = 0; tried < TRIES; tried++) {
    try {
      const { status, text } = await api.ask(call);
      // A case may have removed it, or the organization that it was in, which no header can name any more.
      const gone = status === 404 || (status === 403 && text.includes('AUTH-Bs7Ds'));
      if (status < 300 || gone) return undefined;
      trouble = `${String(status)} ${text.slice(0, 200)}`;
    } catch (error) {
      trouble = String(error);
    }
  }
  return trouble;
}
