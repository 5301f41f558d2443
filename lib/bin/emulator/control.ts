import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { ZitadelEmulator } from '../../testing/emulator.js';
import type { Fault } from '../../testing/model.js';
import { type EndpointName, requireEndpoint } from '../../testing/server/endpoints.js';
import { jsonReply, type Reply } from '../../testing/server/replies.js';
import { UsageError } from '../command.js';
import { type BodyName, problemsOfBody } from './bodies.js';
import { setAuthorization, setMember } from './managers.js';
import { type MadeWorld, projectIn, userIn } from './names.js';
import type { FileAuthorization, FileMember } from './world-file.js';
import type { KeptSecrets } from './world.js';

/** What the calls under `/emulator` work on. */
export interface Controlled {
  readonly zitadel: ZitadelEmulator;
  readonly made: MadeWorld;
  readonly kept: KeptSecrets;
  /** Whether others than this machine may call. */
  readonly isOpen: boolean;
  /** Builds the world of the file again. */
  reset(): void;
}

type Handle = (controlled: Controlled, body: never, query: URLSearchParams) => unknown;

/** Every call, and what its body is where it has one. */
const CALLS: Readonly<Record<string, readonly [Handle, BodyName?]>> = {
  'GET /emulator': [() => ({ calls: Object.keys(CALLS) })],
  'GET /emulator/world': [worldOf],
  'GET /emulator/key-file': [keyFile],
  'POST /emulator/tokens': [token, 'token'],
  'POST /emulator/faults': [fault, 'fault'],
  'DELETE /emulator/faults': [heal],
  'PUT /emulator/reads': [reads, 'reads'],
  'PUT /emulator/members': [
    ({ zitadel, made }, body: FileMember) => setMember(zitadel, made, body),
    'members',
  ],
  'PUT /emulator/authorizations': [
    ({ zitadel, made }, body: FileAuthorization) => setAuthorization(zitadel, made, body),
    'authorizations',
  ],
  'PUT /emulator/users': [userState, 'user'],
  'GET /emulator/requests': [requests],
  'DELETE /emulator/requests': [({ zitadel }) => zitadel.resetRequests()],
  'POST /emulator/reset': [(controlled) => controlled.reset()],
};

/** The reply to a call under `/emulator`. */
export function control(
  controlled: Controlled,
  request: IncomingMessage,
  path: string,
  query: URLSearchParams,
  text: string,
): Reply {
  const { method = '', headers } = request;
  // A page must not work on it, whatever its origin. Tests of a browser ask from outside of pages.
  if (isFromPage(headers)) return problem(403, 'not for pages: ask without an origin');
  if (!controlled.isOpen && !isFromHere(request)) {
    return problem(403, 'only for this machine, by a name of it; --open-control opens it to all');
  }
  if (!isOwnName(hostOf(headers), controlled.zitadel.issuer)) {
    return problem(403, 'not by this name, unless --issuer says it: a page could lead here by it');
  }
  const call = Object.hasOwn(CALLS, `${method} ${path}`) ? CALLS[`${method} ${path}`] : undefined;
  if (call === undefined) {
    return problem(404, `there is no call ${method} ${path}; GET /emulator lists them`);
  }
  const [handle, bodyName] = call;
  try {
    const body: unknown = bodyName === undefined ? undefined : fromJson(text);
    const problems = bodyName === undefined ? [] : problemsOfBody(bodyName, body);
    if (problems.length > 0) return problem(400, problems.join('; '));
    return jsonReply(200, handle(controlled, body as never, query) ?? {});
  } catch (error) {
    // What the verbs refuse, and names that there are not.
    return problem(400, error instanceof Error ? error.message : String(error));
  }
}

/** What a page asks of its own origin has no `origin`. What somebody types into a browser comes from no page. */
function isFromPage({ origin, 'sec-fetch-site': from = 'none' }: IncomingHttpHeaders): boolean {
  return origin !== undefined || from !== 'none';
}

/** A name that is not of this machine may lead here too: a page could have made it do so. */
function isFromHere({ socket, headers }: IncomingMessage): boolean {
  const address = socket.remoteAddress?.replace('::ffff:', '') ?? '';
  return HERE.test(address) && HERE.test(hostOf(headers));
}

const HERE = /^(127(\.\d+){3}|::1|\[::1\]|localhost)$/i;

/** Whether no page of a stranger can have this name: addresses, names of a network of one's own, and that of the issuer. */
function isOwnName(host: string, issuer: string): boolean {
  return OWN.test(host) || host === new URL(issuer).hostname;
}

const OWN = /^(\d+(\.\d+){3}|\[[\da-f:.]+\]|[^.:]+|.+\.(internal|local|localhost|test))$/i;

function hostOf({ host = '' }: IncomingHttpHeaders): string {
  return host.replace(/:\d+$/, '');
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UsageError('the body is not JSON');
  }
}

function problem(status: number, error: string): Reply {
  return jsonReply(status, { error });
}

/** Ids and secrets: what clients are configured with. */
function worldOf({ zitadel, made, kept }: Controlled) {
  const { issuer, url, instanceId, zitadelProjectId } = zitadel;
  const idsOf = (map: ReadonlyMap<string, { readonly id: string }>) =>
    Object.fromEntries([...map].map(([name, { id }]) => [name, id]));
  const people = [...made.users].filter(([, { kind }]) => kind === 'person');
  const robots = [...made.users].filter(([, { kind }]) => kind === 'serviceUser');
  return {
    ...{ issuer, url, instanceId, zitadelProjectId },
    organizations: idsOf(made.orgs),
    projects: idsOf(made.projects),
    projectGrants: idsOf(made.grants),
    users: idsOf(new Map(people)),
    serviceUsers: Object.fromEntries(
      robots.map(([name, { id, userName }]) => {
        const pat = kept.secrets.get(`pat of ${name}`);
        const clientSecret = kept.secrets.get(`secret of ${name}`);
        return [name, { id, clientId: userName, clientSecret, pat }];
      }),
    ),
    applications: Object.fromEntries(
      [...made.applications].map(([name, { clientId, clientSecret }]) => [
        name,
        { clientId, clientSecret },
      ]),
    ),
  };
}

/** Made when it is asked for: a key takes longer than all the rest of a world. */
function keyFile({ zitadel, made, kept }: Controlled, _body: never, query: URLSearchParams) {
  const name = query.get('of') ?? '';
  const known = kept.keyFiles.get(name);
  const application = made.applications.get(name);
  const user = made.users.get(name);
  if (
    known === undefined &&
    application?.clientSecret === undefined &&
    user?.kind !== 'serviceUser'
  ) {
    throw new UsageError(
      'of: a service user is expected, or an api application as organization/project/name',
    );
  }
  const text =
    known ??
    (application === undefined
      ? zitadel.addKey(userIn(made, name))
      : zitadel.addApplicationKey(application.project, application.clientId));
  kept.keyFiles.set(name, text);
  return JSON.parse(text) as unknown;
}

interface TokenBody {
  readonly user: string;
  readonly kind?: 'jwt' | 'opaque' | 'pat';
  readonly projects?: readonly string[];
  readonly scopes?: readonly string[];
  readonly expiresInSeconds?: number;
}

function token({ zitadel, made }: Controlled, { user, kind, projects, ...options }: TokenBody) {
  const who = userIn(made, user);
  if (kind === 'pat') return { token: zitadel.patFor(who) };
  const audience = projects?.map((project) => projectIn(made, project).id);
  const asked = { ...options, ...(audience && { audience }) };
  const make = kind === 'opaque' ? 'opaqueTokenFor' : 'tokenFor';
  return { token: zitadel[make](who, asked) };
}

interface FaultBody {
  readonly endpoint: EndpointName;
  readonly fault?: Fault;
  readonly times?: number;
  readonly delayMs?: number;
}

function fault({ zitadel }: Controlled, { endpoint, fault, times, delayMs }: FaultBody): void {
  requireEndpoint(endpoint);
  if (delayMs !== undefined) zitadel.delay(endpoint, delayMs);
  if (fault === undefined) return;
  if (times === undefined) zitadel.fail(endpoint, fault);
  else zitadel.failNext(endpoint, fault, times);
}

function heal({ zitadel }: Controlled, _body: never, query: URLSearchParams): void {
  zitadel.heal(endpointIn(query));
}

function reads(
  { zitadel }: Controlled,
  { lagMs, held }: { readonly lagMs?: number; readonly held?: boolean },
): void {
  if (lagMs !== undefined) zitadel.lagReads(lagMs);
  if (held === true) zitadel.holdReads();
  if (held === false) zitadel.releaseReads();
}

function userState(
  { zitadel, made }: Controlled,
  { user, state }: { readonly user: string; readonly state: 'active' | 'inactive' | 'locked' },
): void {
  const who = userIn(made, user);
  if (state === 'active') zitadel.reactivateUser(who);
  else zitadel[state === 'locked' ? 'lockUser' : 'deactivateUser'](who);
}

function requests({ zitadel }: Controlled, _body: never, query: URLSearchParams) {
  const endpoint = query.get('endpoint') === 'other' ? 'other' : endpointIn(query);
  return { count: zitadel.requests(endpoint), requests: zitadel.requestLog(endpoint) };
}

function endpointIn(query: URLSearchParams): EndpointName | undefined {
  const name = query.get('endpoint');
  if (name === null) return undefined;
  requireEndpoint(name);
  return name as EndpointName;
}
