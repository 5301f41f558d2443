import { requiredId, send, textAt, type Answer } from './http.js';
import { DISOBEYED, get, MY_MEMBERSHIPS, ORG_OF_HEADER } from './real-calls.js';
import { until, type Feature, type Generation } from './world.js';

/** A call of ZITADEL's API, as the owner of the instance unless another token is given. */
export interface Call {
  readonly method: string;
  readonly path: string;
  /** Sent as `x-zitadel-orgid`. */
  readonly org?: string;
  readonly body?: unknown;
  readonly token?: string;
}

const READY_MS = 60_000;
/** REST and connect say it as JSON; an unknown method of a known service is plain text. */
const NOT_SERVED = /^(404 page not found\s*|\{.*"message":\s*"Not Found".*\})$/s;

/** How a real server is asked while the world is built. */
export class RealApi {
  constructor(
    readonly origin: string,
    readonly token: string,
  ) {}

  ask({ method, path, org, body, token = this.token }: Call): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(org !== undefined && { 'x-zitadel-orgid': org }),
    };
    return send(this.origin, { method, path, headers, ...(body !== undefined && { body }) });
  }

  /**
   * Waits for a server that is starting. The token goes to nobody who does not call himself what the operator does:
   * a portal, or another server behind the name.
   *
   * @throws when the server calls itself something else
   */
  async ready(say: (line: string) => void): Promise<void> {
    const discovery = await this.#answered(say, () =>
      send(this.origin, { method: 'GET', path: DISCOVERY }),
    );
    const issuer = textAt(discovery.body, 'issuer');
    if (issuer !== this.origin) {
      throw new Error(`ZITADEL_URL must be the issuer, which this server says is '${issuer}'`);
    }
    // REST answers 503 for about a second after `/debug/ready` says 200.
    await this.#answered(say, () => this.ask(get(ORG_OF_HEADER)));
  }

  async #answered(say: (line: string) => void, ask: () => Promise<Answer>): Promise<Answer> {
    let answer: Answer | undefined;
    let said = false;
    const ready = async () => {
      answer = await ask().catch(() => undefined);
      if (answer !== undefined && ![502, 503, 504].includes(answer.status)) return true;
      if (!said) say(`Waiting for ${this.origin} ...`);
      said = true;
      return false;
    };
    await until(`${this.origin} is ready`, ready, READY_MS).catch((error: unknown) => {
      const last = answer === undefined ? 'nothing' : String(answer.status);
      throw new Error(`${String(error)}; the last answer was ${last}`);
    });
    return answer as unknown as Answer;
  }

  /**
   * Without obedience to the header the organization of the token's owner is meant, whatever a call says.
   *
   * @throws when another is found than the one that is asked for
   */
  async requireOrgHeader(): Promise<void> {
    const { status, text, body } = await this.ask(get(ORG_OF_HEADER, '1'));
    if ([403, 404].includes(status) || textAt(body, 'org', 'id') === '1') return;
    const said = `${String(status)} ${text.slice(0, 200)}`;
    throw new Error(`${DISOBEYED}: asked about organization 1 it says ${said}. Nothing was made`);
  }

  async serves(): Promise<ReadonlySet<Feature>> {
    const found = new Set<Feature>();
    for (const [generation, path] of PROBES) {
      const { status, text } = await this.ask({ method: 'POST', path, body: {} });
      const missing = status === 501 || status === 405 || (status === 404 && NOT_SERVED.test(text));
      if (!missing) found.add(generation);
    }
    const headers = { 'x-zitadel-instance-host': 'nowhere.example' };
    const elsewhere = await send(this.origin, { method: 'GET', path: DISCOVERY, headers });
    if (textAt(elsewhere.body, 'issuer') !== this.origin) found.add('instance header');
    return found;
  }

  /** The organization of the token's user. @throws saying what is wrong with the address or the token */
  async ownOrg(): Promise<{ readonly id: string; readonly name: string }> {
    const { status, body, text } = await this.ask(get(ORG_OF_HEADER));
    if (status === 401) throw new Error('ZITADEL_PAT: the server does not accept this token');
    if (status === 404 && NOT_SERVED.test(text)) {
      throw new Error(
        'the server does not serve the management API v1, by which the suite builds its world',
      );
    }
    if (status !== 200) throw new Error(`ZITADEL_URL: ${String(status)} ${text.slice(0, 300)}`);
    return { id: requiredId(body['org'], 'id'), name: textAt(body, 'org', 'name') };
  }
}

const DISCOVERY = '/.well-known/openid-configuration';
const PROBES: readonly (readonly [Generation, string])[] = [
  ['v1', MY_MEMBERSHIPS],
  ['v2', '/zitadel.internal_permission.v2.InternalPermissionService/ListAdministrators'],
];
