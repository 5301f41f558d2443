import { setTimeout as sleep } from 'node:timers/promises';
import { has } from '../core/own-properties.js';
import type { QuietTelemetry, TelemetryEnd } from '../core/telemetry.js';
import type { ZitadelLogger } from '../core/tell.js';
import { Breakers, type Outcome } from './breakers.js';
import { type Call, exchange, type Fetch } from './call.js';
import { isNobody, type Pass, Pauses, type SlotBounds, Slots, type Standing } from './limits.js';
import { isRecord, PAGE } from './reading.js';
import { isDone, isOutage, isTrouble, type No, type Reply, type Trouble } from './reply.js';

/** How ZITADEL is reached. */
export interface HttpOptions {
  /** The origin that tokens name as `iss`, without a trailing slash. */
  readonly issuer: string;
  /** Another origin at which the same instance is reached, inside a cluster. */
  readonly internalUrl: string | undefined;
  readonly fetch: Fetch;
  /** One attempt, from connecting to the last byte. */
  readonly timeoutMs: number;
  /** All attempts of one call together. */
  readonly budgetMs: number;
  readonly telemetry?: QuietTelemetry | undefined;
}

/** Calls ZITADEL: with deadlines, size caps and bounded repetition, without redirects, and without secrets in errors. */
export type Http = (call: Call) => Promise<Reply>;

/** The bounds of one family of endpoints. */
const BOUNDS: SlotBounds = {
  inFlight: 64,
  well: { inFlight: 64, ofOneUser: 8, waiting: Infinity },
  new: { inFlight: 64, ofOneUser: 8, waiting: Infinity },
  stranger: { inFlight: 48, ofOneUser: 8, waiting: 1_000 },
  failing: { inFlight: 16, ofOneUser: 1, waiting: 1_000 },
};
const REPEATS = 2;
const REPEATABLE_STATUS: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** If less time is left, the call is not sent: it would only be broken off. */
const LEAST_MS = 50;

/** Ids of 5xx replies that are about the token that was sent: the organization of its user is removed. */
const ABOUT_THE_TOKEN: ReadonlySet<string | undefined> = new Set(['QUERY-Dun75']);

/** Builds the one way by which ZITADEL is called. */
export function createHttp(options: HttpOptions): Http {
  const { timeoutMs, budgetMs, fetch, telemetry } = options;
  const breakers = new Breakers();
  const pauses = new Pauses();
  const slotsOf = new Map<string, Slots>();
  const base = options.internalUrl ?? options.issuer;
  const instance = instanceHeaders(options);
  telemetry?.watch(() => breakers.states());

  const send = (call: Call, ms: number, resends: number): Promise<Reply> => {
    const sending = () => exchange(fetch, base, instance, call, ms);
    const { family: endpoint, method } = call;
    const step = { name: 'request', endpoint, method, resends } as const;
    return telemetry ? telemetry.during(step, sending, endOfRequest) : sending();
  };

  const attempt = async (
    call: Call,
    deadline: number,
    standing: Standing,
    tries: number,
  ): Promise<Reply> => {
    const { family, who = '' } = call;
    const slots = slotsOf.get(family) ?? new Slots(BOUNDS);
    slotsOf.set(family, slots);
    // A call that failed once may hang the next time.
    const queue = tries > 0 && !isNobody(who) ? 'failing' : standing;
    const release = await slots.take(who, deadline - performance.now(), queue);
    if (!release) return notSent('too many calls are waiting for ZITADEL');
    try {
      const ms = Math.min(timeoutMs, deadline - performance.now());
      if (ms < Math.min(LEAST_MS, timeoutMs)) {
        return notSent('no time was left to ask ZITADEL');
      }
      const leave = breakers.enter(family, standing);
      if (has(leave, 'waitMs')) return notAskedYet(leave.waitMs);
      const reply = await send(call, ms, tries);
      breakers.settle(family, leave, outcomeOf(reply, who, ms === timeoutMs), who);
      return reply;
    } finally {
      release();
    }
  };

  const repeat = async (call: Call, deadline: number, pass: Pass): Promise<Reply> => {
    const most = call.repeatable && !pass.failing ? REPEATS : 0;
    let before: Reply | undefined;
    for (let tries = 0; ; tries += 1) {
      const reply = await attempt(call, deadline, pass.standing, tries);
      // A repetition that was not sent does not say what is wrong.
      if (before && isTrouble(reply) && reply.kind === 'notSent') return before;
      before = reply;
      if (tries >= most || !isPassing(reply)) return reply;
      const pauseMs = reply.retryAfterMs ?? Math.random() * 100 * 2 ** tries;
      if (performance.now() + pauseMs >= deadline) return reply;
      await sleep(pauseMs);
    }
  };

  return async (call) => {
    const deadline = performance.now() + budgetMs;
    const { family, who = '', stranger = false } = call;
    const pass = pauses.enter(family, who, stranger);
    const mustWait = has(pass, 'waitMs');
    const reply = mustWait
      ? notAskedYet(pass.waitMs, ' for this user')
      : await repeat(call, deadline, pass);
    const trouble = isTrouble(reply) ? reply.kind : undefined;
    if (trouble === 'notSent') telemetry?.unsent(family);
    // If the reply is too long, ZITADEL did not fail.
    else if (!mustWait && trouble !== 'tooLarge') {
      pauses.settle(family, who, pass, isTrouble(reply) || isOutage(reply.status));
    }
    return reply;
  };
}

/** The status of an outage, or the kind of trouble. Any other "no" is an answer. */
function endOfRequest(reply: Reply): TelemetryEnd {
  const { status } = reply;
  if (isTrouble(reply)) return { status, error: reply.kind };
  return { status, ...(isOutage(reply.status) && { error: String(reply.status) }) };
}

function notSent(trouble: string, retryAfterMs?: number): Trouble {
  return { trouble, kind: 'notSent', ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

function notAskedYet(waitMs: number, forWhom = ''): Trouble {
  return notSent(`ZITADEL failed a moment ago${forWhom} and is not asked again yet`, waitMs);
}

/** Whether the same call may succeed in a moment. */
function isPassing(reply: Reply): reply is No | Trouble {
  if (isDone(reply)) return false;
  if (reply.status !== undefined) return REPEATABLE_STATUS.has(reply.status);
  return isTrouble(reply) && (reply.kind === 'noReply' || reply.kind === 'late');
}

/** `hadItsTime`: the attempt had the full timeout. If the budget cut it short, that says nothing about ZITADEL. */
function outcomeOf(reply: Reply, who: string, hadItsTime: boolean): Outcome {
  // Gateways count calls too, so this need not be in ZITADEL's words.
  if (reply.status === 429) return 'tooMany';
  if (isDone(reply)) return 'reply';
  if (!isTrouble(reply)) {
    const failed = isOutage(reply.status) && !ABOUT_THE_TOKEN.has(reply.id);
    return failed ? 'failure' : 'reply';
  }
  switch (reply.kind) {
    case 'noReply':
      // A broken connection may be about one user: some lists take longer than a proxy waits.
      return reply.unreachable === true || isNobody(who) ? 'unreachable' : 'failure';
    case 'late':
      return hadItsTime ? 'failure' : 'unknown';
    case 'unusable':
      return 'failure';
    default:
      // A list that is too long is about one user.
      return 'reply';
  }
}

function instanceHeaders({ issuer, internalUrl }: HttpOptions): Record<string, string> {
  if (internalUrl === undefined) return {};
  const { hostname } = new URL(issuer);
  // As the issuer has it: a URL would lose a port that its scheme implies.
  const host = issuer.slice(issuer.indexOf('//') + 2);
  // Measured: REST needs only the first. Without the second, discovery loses the port of the issuer.
  return { 'x-zitadel-instance-host': hostname, 'x-zitadel-public-host': host };
}

/** Whether a host is this machine, so that nobody reads on the way what is sent there. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Where a list is told how many rows it may give: API v1, API v2. */
const PLACES = ['query', 'pagination'] as const;

/**
 * Sends lists with the limit that they name. If the server allows fewer rows, it sends them without a limit: then the server gives as many
 * rows as it likes, and says how many there are in all. The first refusal tells this, for all lists and for good. The list that was
 * refused is asked for again.
 */
export function withPageLimit(http: Http, log: ZitadelLogger): Http {
  /** The smallest limit that was refused. */
  let refused = Infinity;
  const learn = (limit: number) => {
    const isNews = refused === Infinity;
    refused = Math.min(refused, limit);
    if (!isNews) return;
    log.warn(
      `ZITADEL refuses lists of ${limit} rows a page (QUERY-4M0fs). They are read in shorter pages, and long ones take more calls: set SystemDefaults.MaxQueryLimit of the server to ${PAGE}`,
    );
  };
  return async (call) => {
    const limit = limitOf(call);
    if (limit >= refused) return http(withoutLimit(call));
    const reply = await http(call);
    if (limit === 0 || !mayBeAboutTheLimit(reply)) return reply;
    const isAboutTheLimit = reply.id !== undefined;
    if (isAboutTheLimit) learn(limit);
    const again = await http(withoutLimit(call));
    if (!isAboutTheLimit && isDone(again)) learn(limit);
    return again;
  };
}

/** Its id tells, or there is no id: some servers leave ids out. */
function mayBeAboutTheLimit(reply: Reply): reply is No {
  if (isDone(reply) || isTrouble(reply)) return false;
  return reply.status === 400 && (reply.id === undefined || reply.id === 'QUERY-4M0fs');
}

/** The limit that a call names. 0: none. */
function limitOf({ json }: Call): number {
  for (const place of PLACES) {
    const page = isRecord(json) ? json[place] : undefined;
    const limit = isRecord(page) ? page['limit'] : undefined;
    if (typeof limit === 'number') return limit;
  }
  return 0;
}

function withoutLimit(call: Call): Call {
  const json: Record<string, unknown> = { ...(call.json as Readonly<Record<string, unknown>>) };
  for (const place of PLACES) {
    const page = json[place];
    if (!isRecord(page)) continue;
    const { limit: _limit, ...rest } = page;
    json[place] = rest;
  }
  return { ...call, json };
}
