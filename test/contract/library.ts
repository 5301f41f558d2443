import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  basic,
  createZitadel,
  introspection,
  jwt,
  key,
  pat,
  requireThat,
  userinfo,
  type ExpressZitadel,
  type Requirement,
  type ZitadelOptions,
} from 'nestjs-zitadel/express';
import { textAt, type Answer, send } from './http.js';
import type { Scene } from './scene.js';
import type { Generation } from './world.js';

/** How the library is set up for a case. */
export interface Setting {
  readonly api: Generation;
  /** How callers are known. @default 'jwt' */
  readonly callers?: 'jwt' | 'introspection' | 'introspection by key' | 'userinfo' | 'mixed';
  /** Who reads their memberships. @default 'caller' */
  readonly reads?: 'caller' | 'serviceUser';
  /** Whether managers of what is inactive count. @default 'asZitadel' */
  readonly inactive?: 'deny';
  /** Whose PAT the service user is. @default 'svc-viewer' */
  readonly serviceUser?: string;
  readonly more?: Partial<ZitadelOptions>;
}

const QUIET = {
  debug: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** The library as an application sets it up, remembering nothing, so that every question is asked of the server. */
export async function libraryOf(scene: Scene, setting: Setting): Promise<ExpressZitadel> {
  const { api, reads = 'caller', inactive, serviceUser = 'svc-viewer', more = {} } = setting;
  const { apiBasic, apiKey, portal, orgs } = scene.made;
  const callers = {
    jwt: () => jwt(),
    introspection: () => introspection(basic(apiBasic.clientId, apiBasic.clientSecret)),
    'introspection by key': () => introspection(key(apiKey.key.json)),
    userinfo: () => userinfo(),
    mixed: () => [jwt(), userinfo()] as const,
  }[setting.callers ?? 'jwt']();
  // The generations differ in how a service user reads: v1 under each organization, v2 over all of them.
  const organizations = Object.values(orgs).map(({ id }) => id);
  const asServiceUser = {
    as: 'serviceUser' as const,
    ...(api === 'v1' && { organizations }),
    ...(inactive && { inactive }),
  };
  return createZitadel({
    issuer: scene.issuer,
    allowHttp: scene.issuer.startsWith('http:'),
    // Userinfo does not show whom a token is for.
    ...(setting.callers !== 'userinfo' && { audience: portal.id }),
    projectId: portal.id,
    api,
    callers,
    memberships: reads === 'caller' ? { as: 'caller' } : asServiceUser,
    serviceUser: pat(await scene.token(`${serviceUser} PAT`)),
    cache: { ttlMs: 0 },
    logger: QUIET,
    ...more,
  } as ZitadelOptions);
}

/** A guarded route on loopback, for whatever requirement is asked about. */
export class Door {
  readonly #server: Server;
  readonly #routes = new Map<string, ReturnType<typeof requireThat>>();
  #asked = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      const guard = this.#routes.get(request.url ?? '');
      const end = (status: number, body: object) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      };
      if (!guard) return end(404, {});
      guard(request, response, (error?: unknown) => {
        if (error === undefined) end(200, {});
        else end(500, { errorCode: error instanceof Error ? error.message : 'thrown' });
      });
    });
  }

  static async open(): Promise<Door> {
    const door = new Door();
    await new Promise<void>((resolve) => door.#server.listen(0, '127.0.0.1', resolve));
    return door;
  }

  /** `allowed`, or status and reason of the refusal. */
  async ask(
    zitadel: ExpressZitadel,
    requirement: Requirement,
    token: string | undefined,
  ): Promise<string> {
    this.#asked += 1;
    const path = `/${String(this.#asked)}`;
    this.#routes.set(path, requireThat(zitadel, requirement));
    const { port } = this.#server.address() as AddressInfo;
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const asked = { method: 'GET', path, headers };
    const answer = await send(`http://127.0.0.1:${String(port)}`, asked);
    this.#routes.delete(path);
    return told(answer);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

function told({ status, body }: Answer): string {
  return status === 200 ? 'allowed' : `${String(status)} ${textAt(body, 'errorCode')}`;
}
