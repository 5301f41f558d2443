import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Library from 'nestjs-zitadel/express';
import type { Decision, ExpressZitadel, Requirement } from 'nestjs-zitadel/express';

const HOUR_MS = 3_600_000;

/** What is asked for. All of them are about ids of the request. */
export type Route = 'org' | 'project' | 'permission';

interface Request {
  readonly headers: { readonly authorization: string };
  readonly params: { readonly orgId: string; readonly projectId: string };
}

/** Tokens, and the resources on which each of their users holds what is asked for. */
export interface Tokens {
  readonly tokens: readonly string[];
  readonly orgId: string;
  readonly projectId: string;
}

/** Something that is measured: one call a request, over requests that were made for it. */
export interface Subject {
  readonly name: string;
  readonly asked: Tokens;
  readonly call: (request: Request) => boolean;
}

export interface Cost {
  readonly ns: number;
  readonly bytes: number;
}

/** The part of the data path that doors use, of this build and of others. */
interface DataPath {
  prepare(requirement: Requirement): unknown;
  authorize(request: Request, asked: unknown): Decision | Promise<Decision>;
}

/** `authorize()` of a built checkout, on each of the routes. */
export interface Checkout {
  subject(name: string, route: Route, asked: Tokens): Promise<Subject>;
}

/** The library of a checkout that is built, put together anew. */
export async function checkoutOf(
  folder: string,
  options: Parameters<typeof Library.createZitadel>[0],
): Promise<Checkout> {
  const entry = pathToFileURL(join(folder, 'dist', 'express', 'index.js')).href;
  const library = (await import(entry)) as typeof Library;
  const { org, permission, project, role } = library;
  const zitadel = library.createZitadel(options);
  const { decisions } = zitadel as ExpressZitadel & { readonly decisions: DataPath };
  const requirements: Readonly<Record<Route, Requirement>> = {
    org: role('ORG_OWNER', org.param('orgId')),
    project: role('PROJECT_OWNER', project.param('projectId')),
    permission: permission('project.read', org.param('orgId')),
  };
  return {
    async subject(name, route, asked) {
      const prepared = decisions.prepare(requirements[route]);
      const takesPrepared = await accepts(decisions, prepared);
      const requirement = takesPrepared ? prepared : requirements[route];
      for (const token of asked.tokens) {
        await decisions.authorize(requestFor(asked, token), requirement);
      }
      return {
        name,
        asked,
        call: (request) => {
          const decision = decisions.authorize(request, requirement);
          if (decision instanceof Promise) throw new Error(`${name}: not synchronous`);
          return decision.allowed;
        },
      };
    },
  };
}

/** Whether `authorize()` takes a requirement that is prepared, rather than prepare it itself. */
async function accepts(decisions: DataPath, prepared: unknown): Promise<boolean> {
  try {
    const request = { headers: {}, params: {} } as unknown as Request;
    await decisions.authorize(request, prepared);
    return true;
  } catch {
    return false;
  }
}

/**
 * The least that remembers callers: a Map keyed by the end of the credential, all of it compared, its end in time, one id checked, one
 * Map of roles. Its end in time is what SECURITY.md promises: by both clocks. With `oneClock` only by the wall clock.
 */
export function bareLookUp(name: string, asked: Tokens, oneClock = false): Subject {
  const known = new Map(
    asked.tokens.map((token) => {
      const credential = freshHeader(token);
      const roles = new Map([[asked.orgId, 1]]);
      const ends = { wallUntil: Date.now() + HOUR_MS, validUntil: performance.now() + HOUR_MS };
      return [credential.slice(-16), { credential, ...ends, roles }];
    }),
  );
  const idPattern = /^[A-Za-z0-9_.-]+$/;
  return {
    name,
    asked,
    call: ({ headers, params }) => {
      const credential = headers.authorization;
      const caller = known.get(credential.slice(-16));
      if (caller?.credential !== credential || caller.wallUntil <= Date.now()) return false;
      if (!oneClock && caller.validUntil <= performance.now()) return false;
      const { orgId } = params;
      return idPattern.test(orgId) && ((caller.roles.get(orgId) ?? 0) & 1) === 1;
    },
  };
}

function requestFor({ orgId, projectId }: Tokens, token: string): Request {
  return {
    headers: { authorization: freshHeader(token) },
    params: { orgId: fresh(orgId), projectId: fresh(projectId) },
  };
}

/** A string as Node makes it for each request: flat, and hashed by nobody yet. */
function fresh(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function freshHeader(token: string): string {
  return fresh(`Bearer ${token}`);
}

const CALLS = 2_000;
/** The first rounds are the compiler's. */
const WARM_UP = 3;

/** What a call of each costs, in every round each of them once, one after another. By name. */
export function measure(
  subjects: readonly Subject[],
  rounds: number,
): ReadonlyMap<string, readonly Cost[]> {
  const costs = new Map(subjects.map(({ name }) => [name, [] as Cost[]]));
  for (let round = 0; round < WARM_UP + rounds; round += 1) {
    for (let at = 0; at < subjects.length; at += 1) {
      const subject = subjects[(at + round) % subjects.length];
      const cost = subject && costOf(subject);
      if (cost && round >= WARM_UP) costs.get(subject.name)?.push(cost);
    }
  }
  return costs;
}

function costOf({ name, asked, call }: Subject): Cost {
  const { tokens } = asked;
  const requests = Array.from({ length: CALLS }, (_, i) =>
    requestFor(asked, tokens[i % tokens.length] ?? ''),
  );
  let allowed = 0;
  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  const start = process.hrtime.bigint();
  for (const request of requests) if (call(request)) allowed += 1;
  const ns = Number(process.hrtime.bigint() - start);
  const heap = process.memoryUsage().heapUsed - heapBefore;
  if (allowed !== CALLS) throw new Error(`${name}: a warm request was denied`);
  return { ns: ns / CALLS, bytes: heap / CALLS };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** How many times as long one took as another, round by round. */
export function timesAsLong(
  costs: ReadonlyMap<string, readonly Cost[]>,
  one: string,
  other: string,
): number {
  const others = costs.get(other) ?? [];
  return median((costs.get(one) ?? []).map(({ ns }, round) => ns / (others[round]?.ns ?? NaN)));
}
