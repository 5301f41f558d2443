import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import {
  DENIAL,
  requirementText,
  ZitadelDecisionStream,
  type Decision,
  type DecisionEvent,
  type DenyReason,
  type Membership,
  type MembershipRead,
  type Requirement,
} from 'nestjs-zitadel';
import { concat, from, Subject, type Observable, type Subscription } from 'rxjs';
import { filter, map } from 'rxjs/operators';
import { RememberedRows } from './remembered-rows.js';

/** Who looks at the log. */
export interface Reader {
  readonly userId: string;
  /** The browser tab that asks, by the secret that it made up: so that it sees its own refused requests, which have no caller. */
  readonly tab: string | undefined;
  /** Owners of the instance see everybody's decisions. */
  readonly seesAll: boolean;
}

/** One decision, as the page is told. */
export interface Entry {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The user id; undefined where nobody could be told from the request. */
  readonly who?: string;
  readonly you: boolean;
  readonly request: string;
  readonly asked: string;
  readonly allowed: boolean;
  readonly reason?: DenyReason;
  readonly message?: string;
  readonly by?: Pick<Membership, 'kind' | 'id' | 'roles'>;
  readonly ageMs?: number;
  readonly from?: MembershipRead['from'];
}

/** A request that was decided, and how. */
export interface Decided {
  readonly request: Request;
  readonly requirement: Requirement | undefined;
  readonly decision: Decision;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly tookMs: number;
}

interface Noted extends Omit<Entry, 'you'> {
  readonly tab: string | undefined;
}

interface FollowedRequest {
  readonly request: Request;
  readonly response: Response;
  readonly startedAt: number;
  readonly since: number;
  decision?: Decision;
}

/** How long what was read about a caller counts. It is what the library has by default; the page says it too. */
export const REMEMBERED_MS = 30_000;

const KEPT = 50;
const PATHS_KEPT = 200;
/** What the page asks for by itself would drown what its reader did. */
const OF_THE_PAGE: ReadonlySet<string> = new Set(['/api/events', '/api/me', '/api/door']);

/**
 * Ties each decision to the request that it was made for: as a header of the answer (how old the memberships were), and as an entry of
 * the live list. The library tells a decision while the request is being worked on, so the async context says which one it is.
 */
@Injectable()
export class DecisionLog implements OnModuleDestroy {
  readonly #requests = new AsyncLocalStorage<FollowedRequest>();
  readonly #news = new Subject<Noted>();
  readonly #subscription: Subscription;
  readonly #decided = new Map<string, Decided>();
  #recent: readonly Noted[] = [];

  constructor(
    @Inject(ZitadelDecisionStream) decisions: ZitadelDecisionStream,
    @Inject(RememberedRows) private readonly rows: RememberedRows,
  ) {
    this.#subscription = decisions.subscribe((event) => this.#note(event));
  }

  /** Middleware: from here on, decisions belong to this request. */
  readonly follow = (request: Request, response: Response, next: NextFunction): void =>
    this.#requests.run(
      { request, response, startedAt: Date.now(), since: performance.now() },
      next,
    );

  /** The membership by which the request at hand was let through. */
  allowedBy(): Entry['by'] {
    const decision = this.#requests.getStore()?.decision;
    return decision && carrierOf(decision);
  }

  /** For how long the memberships still count by which the request at hand was let through. */
  rememberedMs(): number {
    const readAt = this.#requests.getStore()?.decision?.read?.at;
    return readAt === undefined ? 0 : Math.max(0, readAt + REMEMBERED_MS - Date.now());
  }

  /** What became of a request, for the browser tab that sent it and for nobody else. */
  find(id: string, tab: string | undefined): Decided | undefined {
    const decided = this.#decided.get(id);
    const sender = tabOf(decided?.request.get('x-tab'));
    return sender !== undefined && sender === tab ? decided : undefined;
  }

  /** The latest decisions that the reader may see, then those to come. */
  watch(reader: Reader): Observable<Entry> {
    const mine = ({ who, tab }: Noted): boolean =>
      who === reader.userId || (tab !== undefined && tab === reader.tab);
    return concat(from(this.#recent), this.#news).pipe(
      filter((noted) => reader.seesAll || mine(noted)),
      map((noted) => {
        const { tab: _, ...entry } = noted;
        // A tab can send requests of others, too.
        const you = mine(noted) && (noted.who ?? reader.userId) === reader.userId;
        return { ...entry, you };
      }),
    );
  }

  onModuleDestroy(): void {
    this.#subscription.unsubscribe();
    this.#news.complete();
  }

  #note({ at, requirement, decision }: DecisionEvent): void {
    const followed = this.#requests.getStore();
    // Whatever a handler asks on its own comes after the guard's decision, which is the one about the request.
    if (!followed || followed.decision) return;
    followed.decision = decision;
    const { request, response, startedAt, since } = followed;
    const { caller, read } = decision;
    if (caller && read) this.rows.note(caller, read);
    const age = read && { ageMs: Math.max(0, at - read.at), from: read.from };
    if (age) {
      response.setHeader('X-Memberships-Age', String(age.ageMs));
      response.setHeader('X-Memberships-From', age.from);
    }
    if (OF_THE_PAGE.has(request.path)) return;
    const tookMs = performance.now() - since;
    response.setHeader(
      'X-Decision',
      this.#keep({ request, requirement, decision, startedAt, tookMs }),
    );
    const by = carrierOf(decision);
    const noted: Noted = {
      at,
      request: `${request.method} ${request.path.slice(0, 200)}`,
      asked: requirement ? requirementText(requirement) : 'nothing that could be decided',
      allowed: decision.allowed,
      tab: tabOf(request.get('x-tab')),
      ...(caller && { who: caller.userId }),
      ...(!decision.allowed && {
        reason: decision.reason,
        message: DENIAL[decision.reason].message,
      }),
      ...(by && { by }),
      ...age,
    };
    this.#recent = [...this.#recent, noted].slice(-KEPT);
    this.#news.next(noted);
  }

  /** Remembers a request for a while. Answers its id. */
  #keep(decided: Decided): string {
    const id = randomUUID();
    this.#decided.set(id, decided);
    const [oldest] = this.#decided.keys();
    if (oldest !== undefined && this.#decided.size > PATHS_KEPT) this.#decided.delete(oldest);
    return id;
  }
}

/** What the page makes up: 32 random bytes. Anything shorter could be somebody else's guess. */
export function tabOf(header: string | undefined): string | undefined {
  return header !== undefined && /^[\w-]{43}$/.test(header) ? header : undefined;
}

function carrierOf(decision: Decision): Entry['by'] {
  if (!decision.allowed || !decision.by) return undefined;
  const { kind, id, roles } = decision.by;
  return { kind, id, roles };
}
