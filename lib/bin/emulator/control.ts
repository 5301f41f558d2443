import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Fault, TokenOptions, User } from '../../testing/model.js';
import { type EndpointName, requireEndpoint } from '../../testing/server/endpoints.js';
import { jsonReply, type Reply } from '../../testing/server/replies.js';
import { UsageError } from '../command.js';
import { type BodyName, problemsOfBody } from './check.js';
import type { MadeWorld } from './made-world.js';
import type { FileAuthorization, FileMember } from './world-file.js';
import type { KeptSecrets } from './world.js';

/** What the calls under `/emulator` work on. */
export interface Controlled {
  made: MadeWorld;
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
  'DELETE /emulator/faults': [({ made }, _, query) => made.zitadel.heal(endpointIn(query))],
  'PUT /emulator/reads': [reads, 'reads'],
  'PUT /emulator/members': [({ made }, body: FileMember) => made.setMember(body), 'members'],
  'PUT /emulator/authorizations': [
    ({ made }, body: FileAuthorization) => made.setAuthorization(body),
    'authorizations',
  ],
  'PUT /emulator/users': [userState, 'user'],
  'GET /emulator/requests': [requests],
  'DELETE /emulator/requests': [({ made }) => made.zitadel.resetRequests()],
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
  const host = hostOf(headers);
  if (!OWN.test(host) && host !== new URL(controlled.made.zitadel.issuer).hostname) {
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

/** Names that no page of a stranger can have, beside that of the issuer: addresses, and names of a network of one's own. */
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
function worldOf({ made, kept }: Controlled) {
  const { issuer, url, instanceId, zitadelProjectId } = made.zitadel;
  const idsOf = (all: Iterable<readonly [string, { readonly id: string }]>) =>
    Object.fromEntries([...all].map(([name, { id }]) => [name, id]));
  const isRobot = ([, { kind }]: readonly [string, User]) => kind === 'serviceUser';
  return {
    ...{ issuer, url, instanceId, zitadelProjectId },
    organizations: idsOf(made.orgs),
    projects: idsOf(made.projects),
    projectGrants: idsOf(made.grants),
    users: idsOf([...made.users].filter((user) => !isRobot(user))),
    serviceUsers: Object.fromEntries(
      [...made.users].filter(isRobot).map(([name, { id, userName }]) => {
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
function keyFile({ made, kept }: Controlled, _body: never, query: URLSearchParams) {
  const name = query.get('of') ?? '';
  const application = made.applications.get(name);
  const user = made.users.get(name);
  let text = kept.keyFiles.get(name);
  if (application?.clientSecret !== undefined) {
    text ??= made.zitadel.addApplicationKey(application.project, application.clientId);
  } else if (user?.kind === 'serviceUser') {
    text ??= made.zitadel.addKey(user);
  }
  if (text === undefined) {
    throw new UsageError(
      'of: a service user is expected, or an api application as organization/project/name',
    );
  }
  kept.keyFiles.set(name, text);
  return JSON.parse(text) as unknown;
}

interface TokenBody extends Pick<TokenOptions, 'scopes' | 'expiresInSeconds'> {
  readonly user: string;
  readonly kind?: 'jwt' | 'opaque' | 'pat';
  readonly projects?: readonly string[];
}

function token({ made }: Controlled, { user, kind, projects, ...options }: TokenBody) {
  const who = made.user(user);
  if (kind === 'pat') return { token: made.zitadel.patFor(who) };
  const audience = projects?.map((project) => made.project(project).id);
  const make = kind === 'opaque' ? 'opaqueTokenFor' : 'tokenFor';
  return { token: made.zitadel[make](who, { ...options, ...(audience && { audience }) }) };
}

interface FaultBody {
  readonly endpoint: EndpointName;
  readonly fault?: Fault;
  readonly times?: number;
  readonly delayMs?: number;
}

function fault({ made }: Controlled, { endpoint, fault, times, delayMs }: FaultBody): void {
  const { zitadel } = made;
  requireEndpoint(endpoint);
  if (delayMs !== undefined) zitadel.delay(endpoint, delayMs);
  if (fault === undefined) return;
  if (times === undefined) zitadel.fail(endpoint, fault);
  else zitadel.failNext(endpoint, fault, times);
}

function reads(
  { made: { zitadel } }: Controlled,
  { lagMs, held }: { readonly lagMs?: number; readonly held?: boolean },
): void {
  if (lagMs !== undefined) zitadel.lagReads(lagMs);
  if (held === true) zitadel.holdReads();
  if (held === false) zitadel.releaseReads();
}

function userState(
  { made }: Controlled,
  { user, state }: { readonly user: string; readonly state: keyof typeof STATES },
): void {
  made.zitadel[STATES[state]](made.user(user));
}

const STATES = {
  active: 'reactivateUser',
  inactive: 'deactivateUser',
  locked: 'lockUser',
} as const;

function requests({ made }: Controlled, _body: never, query: URLSearchParams) {
  const endpoint = query.get('endpoint') === 'other' ? 'other' : endpointIn(query);
  return { count: made.zitadel.requests(endpoint), requests: made.zitadel.requestLog(endpoint) };
}

function endpointIn(query: URLSearchParams): EndpointName | undefined {
  const name = query.get('endpoint');
  if (name === null) return undefined;
  requireEndpoint(name);
  return name as EndpointName;
}
