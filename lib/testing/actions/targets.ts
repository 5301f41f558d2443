import { randomInt, randomUUID } from 'node:crypto';
import type { TargetOptions } from '../model.js';
import { ZitadelError } from '../server/replies.js';
import type { Details } from '../world/state.js';
import type { World } from '../world/world.js';

const MEMBERS = ['added', 'changed', 'removed', 'cascade.removed'];
const USER_GRANTS = [
  ...['added', 'changed', 'removed', 'deactivated', 'reactivated'],
  ...['cascade.changed', 'cascade.removed'],
];
const STATES = ['added', 'changed', 'deactivated', 'reactivated', 'removed'];

/**
 * The events that a condition may name. ZITADEL knows some four hundred, this is what the emulator makes, and what else changes what
 * somebody may do.
 */
const EVENT_TYPES: readonly string[] = [
  ...named('instance', ['added', 'changed', 'removed']),
  ...['instance', 'org', 'project', 'project.grant'].flatMap((on) =>
    named(`${on}.member`, MEMBERS),
  ),
  ...named('org', STATES),
  ...named('project', STATES),
  ...named('project.role', ['added', 'changed', 'removed']),
  ...named('project.grant', [...STATES, 'cascade.changed']),
  ...named('user', ['deactivated', 'reactivated', 'locked', 'unlocked', 'removed']),
  ...named('user', ['human.added', 'human.signed.out', 'machine.added']),
  ...named('user', ['token.added', 'token.removed', 'token.v2.added']),
  ...named('user', ['pat.added', 'pat.removed', 'machine.key.added', 'machine.key.removed']),
  ...named('user.grant', USER_GRANTS),
  ...named('session', ['added', 'terminated']),
  ...named('oidc_session', ['added', 'access_token.added', 'access_token.revoked']),
  ...named('oidc_session.refresh_token', ['added', 'renewed', 'revoked']),
  ...named('target', ['added', 'changed', 'removed']),
  ...named('execution.v2', ['set', 'removed']),
];

function named(prefix: string, ends: readonly string[]): string[] {
  return ends.map((end) => `${prefix}.${end}`);
}

/** Where events are delivered to. Records are never changed in place: a delivery keeps the target that it was made for. */
export interface TargetRecord {
  readonly id: string;
  readonly name: string;
  readonly kind: 'restWebhook' | 'restCall' | 'restAsync';
  /** Whether the targets after it are left out when it fails. */
  readonly interruptOnError: boolean;
  readonly endpoint: string;
  readonly timeoutMs: number;
  readonly signingKey: string;
  readonly details: Details;
}

export type TargetInput = Omit<TargetRecord, 'id' | 'signingKey' | 'details'>;

/** Which events an execution is for: one type, all whose types begin alike, or every one. */
export type EventCondition =
  | { readonly event: string }
  | { readonly group: string }
  | { readonly all: true };

export interface ExecutionRecord {
  /** `event/org.member.added`, `event/org.member.*` or `event`. */
  readonly id: string;
  readonly targetIds: readonly string[];
  readonly details: Details;
}

const KEY_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const KEY_LENGTH = 36;

/** Targets, and which events go to which of them. */
export class Targets {
  readonly #world: World;
  readonly #targets = new Map<string, TargetRecord>();
  readonly #executions = new Map<string, ExecutionRecord>();

  constructor(world: World) {
    this.#world = world;
  }

  get all(): readonly TargetRecord[] {
    return [...this.#targets.values()];
  }

  /** Those that call anything: without targets an execution does not show. */
  get executions(): readonly ExecutionRecord[] {
    return [...this.#executions.values()].filter(({ targetIds }) => targetIds.length > 0);
  }

  find(id: string): TargetRecord | undefined {
    return this.#targets.get(id);
  }

  add(input: TargetInput, signingKey = newKey()): TargetRecord {
    this.#requireFreeName(input.name);
    const id = this.#world.ids.next();
    const details = this.#world.created(id, this.#world.instanceId, {
      type: 'target.added',
      payload: { ...input },
    });
    const target = { ...input, id, signingKey, details };
    this.#targets.set(id, target);
    return target;
  }

  /** With `rotate` it signs with a new key from now on. */
  change(id: string, change: Partial<TargetInput>, rotate: boolean): TargetRecord {
    const before = this.#targets.get(id);
    if (before === undefined) {
      throw new ZitadelError(5, 'COMMAND-xj14f2cccn', 'Errors.Target.NotFound');
    }
    const after = { ...before, ...change, ...(rotate && { signingKey: newKey() }) };
    if (after.name !== before.name) this.#requireFreeName(after.name);
    if (JSON.stringify(after) === JSON.stringify(before)) return before;
    const details = this.#world.changed(id, before.details, {
      type: 'target.changed',
      payload: { ...change },
    });
    const target = { ...after, details };
    this.#targets.set(id, target);
    return target;
  }

  /** Executions forget it too. Undefined if it was not there. */
  remove(id: string): Details | undefined {
    const target = this.#targets.get(id);
    if (target === undefined) return undefined;
    this.#targets.delete(id);
    for (const execution of this.#executions.values()) {
      const targetIds = execution.targetIds.filter((each) => each !== id);
      this.#executions.set(execution.id, { ...execution, targetIds });
    }
    return this.#world.changed(id, target.details, { type: 'target.removed', payload: {} });
  }

  /** Replaces what the condition calls. */
  setExecution(condition: EventCondition, targetIds: readonly string[]): ExecutionRecord {
    requireKnown(condition);
    if (!targetIds.every((id) => this.#targets.has(id))) {
      throw new ZitadelError(5, 'COMMAND-17e8fq1ggk', 'Errors.Target.NotFound');
    }
    const id = executionId(condition);
    const before = this.#executions.get(id);
    const happening = { type: 'execution.v2.set', payload: { targets: targetIds } };
    const details =
      before === undefined
        ? this.#world.created(id, this.#world.instanceId, happening)
        : this.#world.changed(id, before.details, happening);
    const execution = { id, targetIds: [...targetIds], details };
    this.#executions.set(id, execution);
    return execution;
  }

  /** Only the best match fires: the event itself, else the longest group, else all. */
  targetsOf(type: string): readonly TargetRecord[] {
    const wanted = `event/${type}`;
    const found = this.executions
      .filter(({ id }) => id === wanted || id === 'event' || isGroupOf(id, wanted))
      .sort((left, right) => rank(right.id, wanted) - rank(left.id, wanted))[0];
    return (found?.targetIds ?? []).flatMap((id) => this.#targets.get(id) ?? []);
  }

  #requireFreeName(name: string): void {
    if (!this.all.some((target) => target.name === name)) return;
    throw new ZitadelError(6, 'V3-DKcYh', 'Errors.Target.AlreadyExists');
  }
}

/** Beside the targets that the events have already. */
export function addTarget(
  targets: Targets,
  endpoint: string,
  { events, signingKey, timeoutMs = 5_000 }: TargetOptions,
): TargetRecord {
  const conditions: readonly EventCondition[] = events?.map((name) =>
    EVENT_TYPES.includes(name) ? { event: name } : { group: name },
  ) ?? [{ all: true }];
  conditions.forEach(requireKnown);
  const name = `target ${randomUUID()}`;
  const kind = 'restWebhook';
  const input = { name, kind, interruptOnError: false, endpoint, timeoutMs } as const;
  const target = targets.add(input, signingKey);
  for (const condition of conditions) {
    const known = targets.executions.find(({ id }) => id === executionId(condition));
    targets.setExecution(condition, [...(known?.targetIds ?? []), target.id]);
  }
  return target;
}

export function executionId(condition: EventCondition): string {
  if ('all' in condition) return 'event';
  if ('event' in condition) return `event/${condition.event}`;
  return `event/${condition.group.replace(/\.\*$/, '')}.*`;
}

export function conditionOf(id: string): EventCondition {
  const name = id.slice('event/'.length);
  if (name === '') return { all: true };
  return name.endsWith('.*') ? { group: name.slice(0, -2) } : { event: name };
}

function requireKnown(condition: EventCondition): void {
  if ('event' in condition && !EVENT_TYPES.includes(condition.event)) {
    throw new ZitadelError(5, 'COMMAND-74aaqj8fv9', 'Execution condition is invalid');
  }
  if ('group' in condition && !EVENT_TYPES.some((type) => type.startsWith(condition.group))) {
    throw new ZitadelError(5, 'COMMAND-er5oneb5lz', 'Execution condition is invalid');
  }
}

/** ZITADEL compares texts, so that the group `org` holds what begins with `org`. */
function isGroupOf(id: string, wanted: string): boolean {
  return id.endsWith('.*') && wanted.startsWith(id.slice(0, -2));
}

function rank(id: string, wanted: string): number {
  return id === wanted ? Number.POSITIVE_INFINITY : id.length;
}

function newKey(): string {
  return Array.from({ length: KEY_LENGTH }, () => KEY_LETTERS[randomInt(KEY_LETTERS.length)]).join(
    '',
  );
}
