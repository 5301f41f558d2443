import type { Caller, Membership } from './caller.js';
import type { CheckedRef, DenyReason } from './decision.js';
import type { Eviction, EvictionEvent } from './eviction.js';
import { requirementText } from './requirement/requirement.js';
import type { DecisionEvent } from './tell.js';
import type { ZitadelAuthorizer } from './zitadel-authorizer.js';

/** A decision, as plain data without tokens and claims. */
export interface DecisionRecord extends Partial<
  Pick<Caller, 'userId' | 'issuer' | 'clientId' | 'actor'>
> {
  readonly type: 'decision';
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly allowed: boolean;
  readonly reason?: DenyReason;
  /** The same for everybody. It holds nothing from the request. */
  readonly detail?: string;
  readonly requirement?: string;
  /** The membership that allows it. */
  readonly by?: Membership;
  readonly checked?: readonly CheckedRef[];
  /** When ZITADEL was asked for the memberships, in milliseconds since the epoch. */
  readonly readAt?: number;
}

/** An eviction, as plain data. */
export interface EvictionRecord {
  readonly type: 'eviction';
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly eviction: Eviction;
  readonly from: EvictionEvent['from'];
}

/** What an audit log is given: `JSON.stringify` takes it as it is. */
export type AuditRecord = DecisionRecord | EvictionRecord;

/** A running audit. */
export interface Audit {
  /** How many records the sink did not take: there were too many of them, or it threw or rejected. */
  readonly lost: number;
  /** Makes no more records. Those that wait are still given to the sink. Resolves after the last of them. */
  stop(): Promise<void>;
}

/** Records that wait for the sink. */
const MOST = 10_000;

/**
 * Gives a sink one record for each decision and eviction, one after another, and waits for the promise that it returns. No decision waits for the
 * sink. Up to 10,000 records wait. What comes beyond that is lost and counted, and so is what the sink throws or rejects at.
 *
 * @example `const audit = auditTo(authorizer, (record) => log.write(JSON.stringify(record) + '\n'))`
 */
export function auditTo(
  authorizer: Pick<ZitadelAuthorizer, 'onDecision' | 'onEviction'>,
  sink: (record: AuditRecord) => unknown,
): Audit {
  let waiting: AuditRecord[] = [];
  let most = MOST;
  let lost = 0;
  let work: Promise<void> | undefined;
  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const records = waiting;
      waiting = [];
      for (const [at, record] of records.entries()) {
        most = MOST - (records.length - at);
        // In a turn of its own, so that a sink that takes long delays no decision by more than one record.
        await nextTurn();
        try {
          await sink(record);
        } catch {
          lost += 1;
        }
      }
      most = MOST;
    }
    work = undefined;
  };
  const note = (record: AuditRecord) => {
    if (waiting.length >= most) lost += 1;
    else waiting.push(record);
    work ??= writeAll();
  };
  const ends = [
    authorizer.onDecision((event) => {
      note(decisionRecord(event));
    }),
    authorizer.onEviction(({ at, eviction, from }) => {
      note({ type: 'eviction', at, eviction, from });
    }),
  ];
  return {
    get lost() {
      return lost;
    },
    stop: async () => {
      for (const end of ends) end();
      await work;
    },
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function decisionRecord({ at, decision, requirement }: DecisionEvent): DecisionRecord {
  const { allowed, caller, read } = decision;
  const { userId, issuer, clientId, actor } = caller ?? ({} as Partial<Caller>);
  const given = {
    type: 'decision',
    at,
    allowed,
    ...(decision.allowed
      ? { by: decision.by, checked: decision.checked }
      : { reason: decision.reason, detail: decision.detail }),
    requirement: requirement && requirementText(requirement),
    ...{ userId, issuer, clientId, actor, readAt: read?.at },
  } as const;
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as unknown as DecisionRecord;
}
