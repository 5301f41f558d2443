/** The verified user of a request. Frozen and shared between the requests of one token; the token is never a property of it. */
export interface Caller {
  /** ZITADEL's user id (`sub`). */
  readonly userId: string;
  /** The application that obtained the token (`client_id`), where the token says it. */
  readonly clientId?: string;
  /** When the token stops being accepted, in milliseconds since the epoch, where it says so. */
  readonly expiresAt?: number;
  /** The token's claims. Read them as own properties: names in them are other people's. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Freezes a caller all the way down, so that no request can change what the next one sees. */
export function frozenCaller(caller: Caller): Caller {
  return deepFreeze({ ...caller, claims: { ...caller.claims } });
}

function deepFreeze<T extends object>(value: T): T {
  const open: object[] = [value];
  for (let next = open.pop(); next; next = open.pop()) {
    Object.freeze(next);
    for (const inner of Object.values(next) as unknown[]) {
      if (isData(inner) && !Object.isFrozen(inner)) open.push(inner);
    }
  }
  return value;
}

/** What JSON can hold. Other objects in claims are the application's own, and are left as they are. */
function isData(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}
