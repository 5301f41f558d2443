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
      if (typeof inner === 'object' && inner !== null && !Object.isFrozen(inner)) open.push(inner);
    }
  }
  return value;
}
