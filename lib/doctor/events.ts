import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { ZitadelError } from '../core/errors.js';
import { own } from '../core/own-properties.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { openServiceUser } from '../zitadel/credentials.js';
import { EVENT_TYPES } from '../zitadel/events/event.js';
import { askLastEvent, isNoPage } from '../zitadel/events/search.js';
import { Actions, type Execution, type Target } from '../zitadel/events/targets.js';
import { EventTail } from '../zitadel/events/tail.js';
import { ServiceToken } from '../zitadel/service-user.js';
import { EFFECT, type Finding, fine, found, warning } from './finding.js';
import type { Scene } from './scene.js';

const WHY = 'by events the application hears at once what was revoked';
const NAME = 'nestjs-zitadel';
const DEFAULT_PATH = '/zitadel/events';

const late = (id: string, what: string, remedy: string): Finding =>
  warning(id, { what, why: WHY, effect: EFFECT.late, remedy });

/** What is asked about events. */
interface EventQuestions {
  readonly asksForEvents?: boolean;
  readonly receivesByRoute?: boolean;
}

/** Whether ZITADEL's events reach the application. `token` is of somebody who may see targets, if there is one. */
export async function examineEvents(
  scene: Scene,
  token: string | undefined,
  { asksForEvents = false, receivesByRoute = false }: EventQuestions,
): Promise<readonly Finding[]> {
  const { events } = scene.resolved;
  const isReceiving = events?.signingKeys !== undefined;
  const sees = isReceiving && token !== undefined;
  return [
    ...(sees ? await examineTarget(scene, token, receivesByRoute) : found(isReceiving && UNSEEN)),
    ...found(await examineTail(scene, asksForEvents)),
  ];
}

const UNSEEN = fine(
  'events.unseen',
  'events are received with a signing key; who may not see targets cannot say whether ZITADEL sends any (npx nestjs-zitadel events setup --check)',
);

async function examineTarget(
  { http, resolved }: Scene,
  token: string,
  receivesByRoute: boolean,
): Promise<readonly Finding[]> {
  const actions = new Actions(http, token);
  const { path = DEFAULT_PATH, signingKeys = [] } = resolved.events ?? {};
  try {
    const all = await actions.targets();
    const keys: readonly (string | undefined)[] = [signingKeys].flat();
    // Other applications may have targets that look like this one's.
    const target =
      all.find(({ signingKey = '' }) => keys.includes(signingKey)) ??
      all.find(({ name }) => name === NAME) ??
      all.find(({ endpoint }) => pathOf(endpoint) === path);
    if (!target) {
      return [
        late(
          'events.no-target',
          `no target of ZITADEL is named ${NAME} or delivers to ${path}`,
          `npx nestjs-zitadel events setup --endpoint https://<your application>${path}`,
        ),
      ];
    }
    const missing = await firstMissing(actions, target);
    const setup = `npx nestjs-zitadel events setup${nameArgument(target)}`;
    const isCompared = target.signingKey !== undefined;
    const findings = found(
      isCompared &&
        !keys.includes(target.signingKey) &&
        late(
          'events.key',
          'ZITADEL signs with another key than those of events.signingKeys, so the application refuses what is delivered',
          `write the key that ${setup} --rotate shows into events.signingKeys, unless the target is that of another application`,
        ),
      !target.isPlainWebhook &&
        late(
          'events.target',
          'the target is no plain webhook with JSON',
          `${setup} --endpoint <its endpoint> makes it one`,
        ),
      !receivesByRoute &&
        pathOf(target.endpoint) !== path &&
        late(
          'events.path',
          `the target delivers to another path than ${path}, where the application receives`,
          `${setup} --endpoint https://<your application>${path}`,
        ),
      missing !== undefined &&
        late(
          'events.executions',
          `ZITADEL does not send all events to the target: ${missing} has no execution`,
          `${setup} --endpoint <its endpoint> adds what is missing`,
        ),
    );
    if (findings.length > 0) return findings;
    const signs = isCompared
      ? 'it signs with a key of events.signingKeys'
      : 'it does not tell with which key it signs';
    const what = `ZITADEL has a target, and an execution on each event; ${signs}`;
    return [fine('events.sent', what)];
  } catch (error) {
    if (error instanceof ZitadelError) return [UNSEEN];
    throw error;
  }
}

function nameArgument({ name }: Target): string {
  if (name === NAME) return '';
  return ` --name ${/^[\w.-]+$/.test(name) ? name : '<its name>'}`;
}

const pathOf = (endpoint: string): string | undefined =>
  URL.canParse(endpoint) ? new URL(endpoint).pathname : undefined;

/** An event that this server knows and does not send. */
async function firstMissing(actions: Actions, target: Target): Promise<string | undefined> {
  const executions = await actions.executions();
  for (const event of EVENT_TYPES) {
    const best = bestFor(event, executions);
    if (best?.targets.includes(target.id)) continue;
    if (await isKnown(actions, event)) return event;
  }
  return undefined;
}

/** Only the best match counts: the event, else the longest group, else all. */
function bestFor(event: string, executions: readonly Execution[]): Execution | undefined {
  const fits = ({ on }: Execution) =>
    on === event || on === '*' || (on.endsWith('.*') && event.startsWith(on.slice(0, -1)));
  return executions.filter(fits).sort((a, b) => b.on.length - a.on.length)[0];
}

/** Who may only look is not told. */
async function isKnown(actions: Actions, event: string): Promise<boolean> {
  try {
    return await actions.knows(event);
  } catch (error) {
    if (error instanceof ZitadelError) return true;
    throw error;
  }
}

/** Whether events can be asked for. `asks`: it is done as the application does it, and nothing is applied. */
async function examineTail(scene: Scene, asks: boolean): Promise<Finding | undefined> {
  const { http, discover, resolved } = scene;
  const { tail } = resolved.events ?? {};
  if (!tail) return undefined;
  const credential = openServiceUser(tail.serviceUser);
  const asker = new ServiceToken(http, discover, resolved.issuer, credential);
  const page = await askLastEvent(asker);
  // That API v1 is not served is told with the APIs.
  if (page === 'notServed') return undefined;
  if (isNoPage(page)) return late('events.tail-refused', page.detail ?? '', page.remedy ?? '');
  if (!asks) return fine('events.tail', 'the service user of events.tail reads events');
  const { state, events } = await tailed(scene, asker);
  if (state === 'reading' || (state === 'starting' && events > 0)) {
    const said =
      state === 'reading'
        ? 'events were asked for as the application does it, and read to the end'
        : 'events are read, not yet to the end';
    return fine('events.tail', `${said} (events: ${events})`);
  }
  const how = state === 'failing' ? 'fails' : 'takes too long';
  const remedy = 'look what is slow or fails at ZITADEL: POST /admin/v1/events/_search';
  return late('events.tail-late', `asking for events ${how}`, remedy);
}

/** How asking for events goes, once it has come to an end or failed. A running application keeps its turn. */
async function tailed({ resolved, deadlineMs, log }: Scene, asker: ServiceToken) {
  const { ttlMs } = resolved;
  const tail = new EventTail({ asker, everyMs: deadlineMs, ttlMs, apply: () => undefined, log });
  const endsAt = performance.now() + deadlineMs / 2;
  tail.start();
  try {
    while (tail.status().state === 'starting' && performance.now() < endsAt) await setTimeout(20);
    return tail.status();
  } finally {
    await tail.close();
  }
}

/**
 * An event that ZITADEL does not have, so that it ends nothing. It has no time: it is not the latest that the application heard of. Each has
 * an id, since an application does not look at the same delivery twice.
 */
const newBody = (): string =>
  JSON.stringify({ event_type: 'nestjs-zitadel.doctor.tried', aggregateID: randomUUID() });

/** How long, and until what, the application is asked. */
interface Patience {
  readonly deadlineMs: number;
  readonly stop: AbortSignal;
}

/** Whether the application takes a delivery that the keys of one of its instances have signed. */
export async function examineDelivery(
  url: string,
  instances: readonly ResolvedOptions[],
  { deadlineMs, stop }: Patience,
): Promise<Finding> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(deadlineMs)]);
  let first: Finding | undefined;
  for (const { events } of instances) {
    const keys = [events?.signingKeys ?? []].flat();
    if (keys.length === 0) continue;
    const found = await deliver(url, keys, signal, deadlineMs);
    if (found.level === 'ok') return found;
    first ??= found;
  }
  return (
    first ??
    notReceived(
      'no delivery was sent: the options have no events.signingKeys that can be read',
      'write events: { signingKeys } into the options and correct what is wrong with them, or leave out --events-url',
    )
  );
}

async function deliver(
  url: string,
  keys: readonly string[],
  signal: AbortSignal,
  deadlineMs: number,
): Promise<Finding> {
  const body = newBody();
  const headers = {
    'content-type': 'application/json',
    'zitadel-signature': signatureOf(body, keys),
  };
  try {
    const sent = { method: 'POST', headers, body, redirect: 'manual', signal } as const;
    const { status, body: reply } = await fetch(url, sent);
    // The receiver answers without a body.
    const isEmpty = reply === null || (await reply.getReader().read()).done;
    if (status === 200 && isEmpty) {
      return fine(
        'events.received',
        'a delivery that ends nothing was sent to the application, which took it',
      );
    }
    return notReceived(`the application answers a delivery with ${status}`, remedyFor(status));
  } catch (error) {
    const why = signal.aborted ? `no reply within ${deadlineMs} ms` : reasonOf(error);
    return notReceived(
      `the application cannot be reached where it receives events (${why})`,
      'start the application, and give with --events-url where ZITADEL reaches it',
    );
  }
}

/** What `fetch` says: a code, or else its text. */
export function reasonOf(error: unknown): string {
  const cause = own(error, 'cause') ?? error;
  const code = own(cause, 'code');
  return typeof code === 'string' ? code : String(own(cause, 'message'));
}

function notReceived(what: string, remedy: string): Finding {
  return warning('events.not-received', {
    what,
    why: 'ZITADEL posts events there as this was posted',
    effect: EFFECT.late,
    remedy,
  });
}

function remedyFor(status: number): string {
  switch (status) {
    case 401:
      return 'start the application with the same events.signingKeys, and let no proxy change the body or remove ZITADEL-Signature: its log says which';
    case 500:
      return 'let nothing parse the body before: put zitadelEvents() before express.json()';
    default:
      return 'give the URL where the application receives, and let a proxy pass on its path; no other handler may answer there';
  }
}

/** As ZITADEL signs. While a key is rotated, the application has one of them at least. */
function signatureOf(body: string, keys: readonly string[]): string {
  const t = Math.floor(Date.now() / 1_000);
  const each = keys.map((key) => createHmac('sha256', key).update(`${t}.${body}`).digest('hex'));
  return [`t=${t}`, ...each.map((signature) => `v1=${signature}`)].join(',');
}
