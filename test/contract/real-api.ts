import { send, textAt, type Answer } from './http.js';
import { until, type Generation } from './world.js';

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

/** How a real server is spoken to while the world is built. */
export class RealApi {
  #over = false;

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

  /** @throws on any refusal, with ZITADEL's words and never the token */
  async call(call: Call): Promise<Answer> {
    if (this.#over) throw new Error('the run is over: nothing is made any more');
    const answer = await this.ask(call);
    if (answer.status >= 200 && answer.status < 300) return answer;
    const said = `${String(answer.status)} ${answer.text.slice(0, 300)}`;
    throw new Error(`${call.method} ${call.path}: ${said}`);
  }

  /** From now on {@link call} refuses, so that nothing is made behind the back of who tidies up. */
  end(): void {
    this.#over = true;
  }

  /** REST answers 503 for about a second after `/debug/ready` says 200. */
  async ready(): Promise<void> {
    const call = { method: 'GET', path: '/management/v1/orgs/me' };
    let last = 'no answer';
    await until(
      `${this.origin} is ready`,
      async () => {
        try {
          const { status } = await this.ask(call);
          last = String(status);
          return ![502, 503, 504].includes(status);
        } catch {
          return false;
        }
      },
      READY_MS,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; the last answer was ${last}`);
    });
  }

  /** Tokens name the issuer, and the library trusts no other. @throws when the server calls itself something else */
  async requireIssuer(): Promise<void> {
    const path = '/.well-known/openid-configuration';
    const issuer = textAt((await send(this.origin, { method: 'GET', path })).body, 'issuer');
    if (issuer === this.origin) return;
    throw new Error(`ZITADEL_URL must be the issuer, which this server says is '${issuer}'`);
  }

  async serves(): Promise<ReadonlySet<Generation>> {
    const found = new Set<Generation>();
    for (const [generation, path] of PROBES) {
      const { status, text } = await this.ask({ method: 'POST', path, body: {} });
      const missing = status === 501 || status === 405 || (status === 404 && NOT_SERVED.test(text));
      if (!missing) found.add(generation);
    }
    return found;
  }

  /** The organization of the token's user. @throws saying what is wrong with the address or the token */
  async ownOrg(): Promise<{ readonly id: string; readonly name: string }> {
    const { status, body, text } = await this.ask({
      method: 'GET',
      path: '/management/v1/orgs/me',
    });
    if (status === 401) throw new Error('ZITADEL_PAT: the server does not accept this token');
    if (status === 404 && NOT_SERVED.test(text)) {
      throw new Error(
        'the server does not serve the management API v1, by which the suite builds its world',
      );
    }
    const id = textAt(body, 'org', 'id');
    if (status !== 200 || id === '') {
      throw new Error(`ZITADEL_URL: ${String(status)} ${text.slice(0, 300)}`);
    }
    return { id, name: textAt(body, 'org', 'name') };
  }
}

const PROBES: readonly (readonly [Generation, string])[] = [
  ['v1', '/auth/v1/memberships/me/_search'],
  ['v2', '/zitadel.internal_permission.v2.InternalPermissionService/ListAdministrators'],
];
