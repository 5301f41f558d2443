import { setTimeout as sleep } from 'node:timers/promises';
import { basic, introspection, org, pat, role, type ZitadelOptions } from 'nestjs-zitadel/express';
import type { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { createZitadel } from './data-path.js';
import { LINE_HEADER, type FaultServer, type Strike } from './fault-server.js';
import { SILENT } from './fault-subjects.js';
import { answering, resetInHead, silence } from './strikes.js';

/** How all of ZITADEL fails at once. */
export const OUTAGES = {
  resetting: resetInHead,
  silent: silence,
  500: answering(500, '{"code":13,"message":"Errors.Internal"}'),
  '502 in HTML': answering(502, '<h1>Bad Gateway</h1>', { 'content-type': 'text/html' }),
  '503, repeat at once': answering(503, '{"code":14,"message":"unavailable"}', {
    'content-type': 'application/json',
    'retry-after': '0',
  }),
  429: answering(429, '{"code":8,"message":"Quota.Access.Exhausted"}'),
} as const satisfies Readonly<Record<string, Strike>>;

/** What the library asks ZITADEL for. */
export const MODES = ['as the caller', 'as the service user', 'introspection'] as const;
export type Mode = (typeof MODES)[number];

export interface Load {
  readonly mode: Mode;
  readonly outage: keyof typeof OUTAGES;
  readonly users: number;
  /** For how long, once while all is well and once while nothing is. */
  readonly forMs: number;
  readonly ttlMs: number;
  readonly everyMs: number;
}

export interface OutageFigures {
  readonly requests: number;
  readonly healthyCalls: number;
  readonly outageCalls: number;
  readonly ratio: number;
  /** Requests that were told something else than that ZITADEL is not available. */
  readonly wrong: number;
  /** Requests that were told so while it was: the machine was too busy for a fair comparison. */
  readonly disturbed: number;
}

let lines = 0;

/**
 * Prepares a load, and answers what puts it on twice: how many calls reach for ZITADEL while it answers, and how many while it does not.
 * Everybody is known when it begins.
 */
export async function prepare(
  zitadel: ZitadelEmulator,
  server: FaultServer,
  load: Load,
): Promise<() => Promise<OutageFigures>> {
  const { mode, users, forMs, ttlMs, everyMs } = load;
  const line = `outage-${(lines += 1)}`;
  const acme = zitadel.addOrg(`acme of ${line}`);
  let calls = 0;
  const { decisions } = createZitadel(
    zitadel.options({
      internalUrl: server.url,
      fetch: (url, init) => {
        calls += 1;
        const headers = { ...(init.headers as Record<string, string>), [LINE_HEADER]: line };
        return fetch(url, { ...init, headers });
      },
      timeoutMs: 2_000,
      budgetMs: 4_000,
      logger: SILENT,
      cache: { ttlMs },
      ...optionsOf(mode, zitadel, acme.id),
    }),
  );
  const requests = Array.from({ length: users }, (_, at) => {
    const user = zitadel.addUser(`user ${at} of ${line}`, { org: acme });
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    const token = mode === 'introspection' ? zitadel.opaqueTokenFor(user) : zitadel.tokenFor(user);
    return { headers: { authorization: `Bearer ${token}` }, params: { orgId: acme.id } };
  });
  const need = role('ORG_OWNER', org.param('orgId'));
  let [asked, wrong, disturbed] = [0, 0, 0];
  const ask = async (at: number, healthy: boolean): Promise<void> => {
    const request = requests[at % users] ?? { headers: {} };
    const decision = await decisions.authorize(request, decisions.prepare(need));
    if (decision.allowed) return;
    if (decision.reason !== 'unavailable') wrong += 1;
    else if (healthy) disturbed += 1;
  };
  /** At this pace, whether answers come or not. */
  const drive = async (healthy: boolean): Promise<number> => {
    const before = calls;
    const under = new Set<Promise<void>>();
    const beginning = performance.now();
    for (let done = 0; performance.now() < beginning + forMs;) {
      for (; done < (performance.now() - beginning) / everyMs; done += 1) {
        const one: Promise<void> = ask(done, healthy).finally(() => under.delete(one));
        under.add(one);
        asked += 1;
      }
      await sleep(5);
    }
    await Promise.all(under);
    return calls - before;
  };
  for (let at = 0; at < users;) {
    // On a busy machine the first answers can be late.
    const decision = await decisions.authorize(
      requests[at] ?? { headers: {} },
      decisions.prepare(need),
    );
    if (decision.allowed) at += 1;
    else await sleep(decision.retryAfterMs ?? 100);
  }
  return async () => {
    const healthyCalls = await drive(true);
    server.strike(line, () => OUTAGES[load.outage]);
    const outageCalls = await drive(false);
    server.heal(line);
    const ratio = outageCalls / healthyCalls;
    return { requests: asked, healthyCalls, outageCalls, ratio, wrong, disturbed };
  };
}

function optionsOf(mode: Mode, zitadel: ZitadelEmulator, orgId: string): Partial<ZitadelOptions> {
  switch (mode) {
    case 'as the caller':
      return {};
    case 'as the service user': {
      const reader = zitadel.addServiceUser(`reader of ${orgId}`);
      zitadel.addMember(reader, { org: orgId }, ['ORG_OWNER_VIEWER']);
      return {
        serviceUser: pat(zitadel.patFor(reader)),
        memberships: { as: 'serviceUser', organizations: [orgId] },
      };
    }
    case 'introspection': {
      const { clientId, clientSecret } = zitadel.addApiApplication(zitadel.defaultProject);
      return { callers: introspection(basic(clientId, clientSecret)) };
    }
  }
}
