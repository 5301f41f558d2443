import type { Compiled, RefSlots, Slot } from './compile.js';
import type { CheckedRef, DenyReason } from './decision.js';
import type { Facts, Need } from './facts.js';
import type { Membership, MembershipIndex } from './membership.js';

/** The ids of a request, by slot; `undefined` where the request names none. */
export type Ids = readonly (string | undefined)[];

/** One decision on its way: what it is made of, and what was found so far. */
export interface Case {
  readonly compiled: Compiled;
  readonly ids: Ids;
  readonly index: MembershipIndex;
  /** Of the caller's token. Names in it are other people's: own properties only. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly facts: Facts;
  /** The row that carries it. */
  by: Membership | undefined;
  /** The resources it is about. */
  checked: readonly CheckedRef[];
  /** What must be asked first. */
  needs: readonly Need[];
  /** Why the first part that does not hold does not. */
  missing: DenyReason | undefined;
}

const NONE: readonly never[] = Object.freeze([]);

/** A case in which nothing is found yet. */
export function openCase(
  compiled: Compiled,
  ids: Ids,
  index: MembershipIndex,
  claims: Case['claims'],
  facts: Facts,
): Case {
  // Shared empty lists: most decisions add one entry to one of them, and a list that grows costs more than all the rest.
  return {
    compiled,
    ids,
    index,
    claims,
    facts,
    by: undefined,
    checked: NONE,
    needs: NONE,
    missing: undefined,
  };
}

export const NO = 0;
export const YES = 1;
export const ASK = 2;
/** The answer to one part: no, yes, or not before more is known. */
export type Verdict = typeof NO | typeof YES | typeof ASK;

/** Notes a resource that was checked. */
export function check(open: Case, kind: CheckedRef['kind'], slot: Slot): void {
  const one = { kind, id: open.ids[slot] ?? '', name: open.compiled.names[slot] ?? '' };
  open.checked = open.checked.length === 0 ? [one] : [...open.checked, one];
}

/** Notes every resource that a ref names. */
export function checkRef(open: Case, kind: CheckedRef['kind'], slots: RefSlots): void {
  if (kind === 'projectGrant' && slots.project >= 0) {
    check(open, 'project', slots.project);
    check(open, 'org', slots.grantedOrg);
    return;
  }
  if (slots.owner >= 0) check(open, 'org', slots.owner);
  check(open, kind, slots.id);
}

/** Notes what must be asked first. */
export function ask(open: Case, need: Need): typeof ASK {
  open.needs = [...open.needs, need];
  return ASK;
}
