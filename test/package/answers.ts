// A tiny world for an application that has installed the package, and what its guarded route must
// answer there. Copied beside each application before it is compiled.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';

export interface World {
  readonly zitadel: ZitadelEmulator;
  readonly orgId: string;
  readonly ownerId: string;
  readonly strangerId: string;
}

export async function startWorld(): Promise<World> {
  const zitadel = await ZitadelEmulator.start();
  const acme = zitadel.addOrg('acme');
  const owner = zitadel.addUser('owner', { org: acme });
  zitadel.addMember(owner, { org: acme }, ['ORG_OWNER']);
  const stranger = zitadel.addUser('stranger', {});
  return { zitadel, orgId: acme.id, ownerId: owner.id, strangerId: stranger.id };
}

/** @param url where the application listens; it guards GET /orgs/:orgId and answers { orgId, userId } */
export async function checkAnswers(
  url: string,
  { zitadel, orgId, ownerId, strangerId }: World,
): Promise<void> {
  const ask = async (token?: string): Promise<{ status: number; body: unknown }> => {
    const headers: Record<string, string> =
      token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/orgs/${orgId}`, { headers });
    return { status: response.status, body: await response.json() };
  };
  const answers = {
    owner: await ask(zitadel.tokenFor({ id: ownerId })),
    stranger: (await ask(zitadel.tokenFor({ id: strangerId }))).status,
    nobody: (await ask()).status,
  };
  const wanted = {
    owner: { status: 200, body: { orgId, userId: ownerId } },
    stranger: 403,
    nobody: 401,
  };
  if (JSON.stringify(answers) !== JSON.stringify(wanted)) {
    throw new Error(`wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(answers)}`);
  }
}

/** What the entries beside that of Nest say about such an application. */
export function checkEntries(security: unknown, health: unknown): void {
  const [scheme] = (security ?? []) as readonly object[];
  const { zitadel } = health as { readonly zitadel?: { readonly status?: string } };
  const said = { scheme: Object.keys(scheme ?? {}), health: zitadel?.status };
  const wanted = { scheme: ['zitadel'], health: 'up' };
  if (JSON.stringify(said) !== JSON.stringify(wanted)) {
    throw new Error(`wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(said)}`);
  }
}

/**
 * The same of a door that is not an HTTP route.
 *
 * @param ask asks for `{ orgId, userId }` of the organization, and answers with that, or with the code of the refusal
 */
export async function checkDoor(
  ask: (token?: string) => Promise<unknown>,
  { zitadel, orgId, ownerId, strangerId }: World,
): Promise<void> {
  const answers = {
    owner: await ask(zitadel.tokenFor({ id: ownerId })),
    stranger: await ask(zitadel.tokenFor({ id: strangerId })),
    nobody: await ask(),
  };
  const wanted = {
    owner: { orgId, userId: ownerId },
    stranger: 'role_missing',
    nobody: 'token_missing',
  };
  if (JSON.stringify(answers) !== JSON.stringify(wanted)) {
    throw new Error(`wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(answers)}`);
  }
}

/** A port for a server that does not say which one it got. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
