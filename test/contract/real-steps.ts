import { listOf, textAt, type Answer } from './http.js';
import type { Call, RealApi } from './real-api.js';
import { NothingChanged, type RealBounds } from './real-bounds.js';
import { get, post, removal } from './real-calls.js';
import { until } from './world.js';

/** The steps of which the verbs on a real server consist: change something, then wait until it can be seen. */
export class RealSteps {
  #over = false;

  constructor(
    readonly api: RealApi,
    private readonly bounds: RealBounds,
  ) {}

  /**
   * The one way to change something while the world is built.
   *
   * @throws on any refusal, with ZITADEL's words and never the token
   */
  async change(call: Call): Promise<Answer> {
    const line = `${call.method} ${call.path}`;
    const standing = await this.bounds.check(call);
    if (this.#over) throw new NothingChanged('the run is over: nothing is made any more');
    if (standing === 'gone') throw new NothingChanged(`${line}: what it is about is gone`);
    const answer = await this.api.ask(call);
    const { status, text } = answer;
    if (status >= 200 && status < 300) {
      this.bounds.checkAnswer(call, answer.body);
      return answer;
    }
    const said = `${line}: ${String(status)} ${text.slice(0, 300)}`;
    throw status >= 400 && status < 500 ? new NothingChanged(said) : new Error(said);
  }

  /** From now on {@link change} refuses, so that nothing is made behind the back of who tidies up. */
  end(): void {
    this.#over = true;
  }

  async post(path: string, body: unknown, org?: string): Promise<Answer['body']> {
    return (await this.change(post(path, body, org))).body;
  }

  async delete(path: string, org?: string): Promise<void> {
    await this.change(removal(path, org));
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
