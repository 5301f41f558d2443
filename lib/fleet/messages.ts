import type { Eviction, EvictionEvent } from '../core/eviction.js';
import { jsonFrom } from '../core/own-properties.js';
import { Seal } from '../core/seal.js';

/** An eviction that another process has told. */
interface Heard {
  /** The process. */
  readonly by: string;
  /** Undefined: a message that is not signed cannot cause it. */
  readonly event: EvictionEvent | undefined;
}

const LONGEST = 4_096;
const LONGEST_ID = 1_000;

/**
 * Evictions as text. Signed where there is a secret, for one scope: a message of another application or instance is not taken for one of ours.
 *
 * Without a secret anybody who can publish can write one. So a message that is not signed ends what is remembered and nothing else: it refuses
 * no token, and its time is not in the future.
 */
export class Messages {
  readonly #seal: Seal;

  constructor(secrets: readonly string[], ...scope: readonly string[]) {
    this.#seal = new Seal(secrets, JSON.stringify(['nestjs-zitadel message', ...scope]));
  }

  write({ at, eviction }: EvictionEvent, by: string): string {
    return this.#seal.close(JSON.stringify({ v: 1, by, at, eviction }));
  }

  /** Undefined for anything odd. */
  read(message: unknown): Heard | undefined {
    if (typeof message !== 'string' || message.length > LONGEST) return undefined;
    const text = this.#seal.open(message);
    if (text === undefined) return undefined;
    const [v, by, at, given] = fieldsOf(parsed(text), ['v', 'by', 'at', 'eviction']) ?? [];
    const eviction = evictionFrom(given);
    if (v !== 1 || !isId(by) || !isTime(at) || !eviction) return undefined;
    if (this.#seal.signs) return { by, event: { at, eviction, from: 'fleet' } };
    const forgetting = onlyForgetting(eviction);
    const until = Math.min(at, Date.now());
    return { by, event: forgetting && { at: until, eviction: forgetting, from: 'fleet' } };
  }
}

function onlyForgetting(eviction: Eviction): Eviction | undefined {
  switch (eviction.type) {
    case 'issuedBefore':
      return eviction.userId === undefined
        ? { type: 'everyone' }
        : { type: 'user', userId: eviction.userId };
    case 'token':
      // Nobody knows here whose it is, and whoever signs out would empty the memory of all.
      return undefined;
    default:
      return eviction;
  }
}

function evictionFrom(value: unknown): Eviction | undefined {
  const { type } = Object(value) as { readonly type?: unknown };
  switch (type) {
    case 'user': {
      const [, userId] = fieldsOf(value, ['type', 'userId']) ?? [];
      return isId(userId) ? { type, userId } : undefined;
    }
    case 'organization': {
      const [, orgId] = fieldsOf(value, ['type', 'orgId']) ?? [];
      return isId(orgId) ? { type, orgId } : undefined;
    }
    case 'everyone':
      return fieldsOf(value, ['type']) && { type };
    case 'token': {
      const [, id] = fieldsOf(value, ['type', 'id']) ?? [];
      return isId(id) ? { type, id } : undefined;
    }
    case 'issuedBefore': {
      // JSON leaves out what is undefined.
      const [, time] = fieldsOf(value, ['type', 'time']) ?? [];
      if (isTime(time)) return { type, userId: undefined, time };
      const [, userId, until] = fieldsOf(value, ['type', 'userId', 'time']) ?? [];
      return isId(userId) && isTime(until) ? { type, userId, time: until } : undefined;
    }
    default:
      return undefined;
  }
}

/** The fields with these names, if the value is an object with exactly these. */
function fieldsOf(value: unknown, names: readonly string[]): readonly unknown[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const isExact = Object.keys(value).length === names.length;
  return isExact && names.every((name) => Object.hasOwn(value, name))
    ? names.map((name) => (value as Readonly<Record<string, unknown>>)[name])
    : undefined;
}

function parsed(text: string): unknown {
  try {
    return jsonFrom(text);
  } catch {
    return undefined;
  }
}

const isId = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= LONGEST_ID;

const isTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) > 0;
