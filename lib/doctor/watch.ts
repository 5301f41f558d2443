import { own } from '../core/own-properties.js';
import type { Fetch } from '../zitadel/call.js';

/** What a call brought besides its body. */
interface Seen {
  /** From sending to the first byte of the reply, or to its failure. */
  ms: number;
  status?: number;
  /** Where a redirect leads to. */
  location?: string;
  /** Milliseconds that ZITADEL's clock is ahead of ours, by the header `Date`, which has whole seconds. */
  aheadMs?: number;
  /** Node's code of what went wrong. */
  code?: string;
}

/** The application's fetch, which ends with `stop`. The last call is seen. */
export class Watch {
  last: Seen = { ms: 0 };

  constructor(
    private readonly given: Fetch,
    private readonly stop: AbortSignal,
  ) {}

  readonly fetch: Fetch = async (url, init) => {
    const [sentAt, started] = [Date.now(), performance.now()];
    const seen: Seen = { ms: 0 };
    this.last = seen;
    const { signal } = init;
    try {
      const response = await this.given(url, {
        ...init,
        signal: signal ? AbortSignal.any([signal, this.stop]) : this.stop,
      });
      const { headers, status } = response;
      const location = headers.get('location');
      Object.assign(seen, { status, ...(location !== null && { location }) });
      const date = Date.parse(headers.get('date') ?? '');
      // A stored reply has the date of when it was made.
      const isFresh = Number(headers.get('age') ?? 0) === 0;
      if (isFresh && Number.isFinite(date)) {
        seen.aheadMs = date + HALF_A_SECOND - (sentAt + Date.now()) / 2;
      }
      return response;
    } catch (error) {
      const code = own(own(error, 'cause') ?? error, 'code');
      if (typeof code === 'string' && /^[A-Z_]{3,60}$/.test(code)) seen.code = code;
      throw error;
    } finally {
      seen.ms = performance.now() - started;
    }
  };
}

const HALF_A_SECOND = 500;
