import { type EndpointName, requireEndpoint } from './endpoints.js';

/** How an endpoint misbehaves. */
export type Fault =
  /** That status, with the body ZITADEL gives it. */
  | number
  /** Exactly this answer. A body that is not text is sent as JSON. */
  | {
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A redirect (302) to another address. */
  | { readonly redirectTo: string }
  /** Accepts the request and never answers. */
  | 'hang'
  /** Closes the connection instead of answering; nothing is done. */
  | 'refuse'
  /** Does the work, then closes the connection instead of answering. */
  | 'lose'
  /** 200 and `application/json`, but no JSON. */
  | 'garbage'
  /** 200 and a page. */
  | 'html'
  /** The right answer, cut in half. */
  | 'truncated'
  /** The right answer about the wrong user: of lists of memberships and userinfo only. */
  | 'wrong-user'
  /** 200 and a body that never ends. */
  | 'endless'
  /** A redirect (302) to another origin. */
  | 'redirect';

const ABOUT_A_USER: readonly EndpointName[] = [
  'memberships',
  'userMemberships',
  'administrators',
  'introspect',
  'userinfo',
];

interface Plan {
  once: Fault[];
  standing: Fault | undefined;
  delayMs: number;
}

/** What was asked to go wrong, and when it is over. */
export class Faults {
  readonly #plans = new Map<EndpointName, Plan>();

  failNext(endpoint: EndpointName, fault: Fault, times: number): void {
    requirePossible(endpoint, fault);
    this.#plan(endpoint).once.push(...Array.from({ length: times }, () => fault));
  }

  fail(endpoint: EndpointName, fault: Fault): void {
    requirePossible(endpoint, fault);
    this.#plan(endpoint).standing = fault;
  }

  /** Ends faults and delays: of one endpoint, or of all. */
  heal(endpoint?: EndpointName): void {
    if (endpoint === undefined) {
      this.#plans.clear();
    } else {
      requireEndpoint(endpoint);
      this.#plans.delete(endpoint);
    }
  }

  delay(endpoint: EndpointName, ms: number): void {
    requireEndpoint(endpoint);
    this.#plan(endpoint).delayMs = Math.max(0, ms);
  }

  delayOf(endpoint: EndpointName): number {
    return this.#plans.get(endpoint)?.delayMs ?? 0;
  }

  /** The fault of the request that is being answered now, used up if it was for a number of times. */
  take(endpoint: EndpointName): Fault | undefined {
    const plan = this.#plans.get(endpoint);
    return plan?.once.shift() ?? plan?.standing;
  }

  #plan(endpoint: EndpointName): Plan {
    const plan = this.#plans.get(endpoint) ?? { once: [], standing: undefined, delayMs: 0 };
    this.#plans.set(endpoint, plan);
    return plan;
  }
}

function requirePossible(endpoint: EndpointName, fault: Fault): void {
  requireEndpoint(endpoint);
  if (fault !== 'wrong-user' || ABOUT_A_USER.includes(endpoint)) return;
  throw new TypeError(`'wrong-user' needs an endpoint that tells about a user, not '${endpoint}'`);
}
