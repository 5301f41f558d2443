/** What the doctor found about one thing. */
export type Finding = Fine | Defect;

interface Named {
  /** Stable, `area.name`: for example `issuer.port`. */
  readonly id: string;
  /** What was found. It shows no secret, and no name that somebody else wrote. */
  readonly what: string;
  /** The issuer, where several instances are examined. */
  readonly instance?: string;
}

interface Fine extends Named {
  readonly level: 'ok';
}

/** `wrong`: something is refused, or stands open. `warning`: all requests are decided rightly, but something is lost by it. */
export interface Defect extends Named {
  readonly level: 'warning' | 'wrong';
  /** Why it matters. */
  readonly why: string;
  /** The one thing to do. */
  readonly remedy: string;
  /** What it does to a request. */
  readonly effect: string;
}

export function fine(id: string, what: string): Finding {
  return { id, level: 'ok', what };
}

type Words = Readonly<Record<'what' | 'why' | 'effect' | 'remedy', string>>;

export function warning(id: string, words: Words): Finding {
  return { id, level: 'warning', ...words };
}

export function amiss(id: string, words: Words): Finding {
  return { id, level: 'wrong', ...words };
}

/** Those that were found. */
export function found(...all: readonly (Finding | false | undefined)[]): readonly Finding[] {
  return all.filter((each) => each !== false && each !== undefined);
}

/** What a setting that fails does to a request. */
export const EFFECT = {
  noStart: 'the application does not start',
  unavailable: 'every request that asks ZITADEL: 503 unavailable',
  misconfigured: 'every request that needs it: 500 misconfigured',
  late: 'no request is refused; what is revoked counts for up to cache.ttlMs longer',
} as const;
