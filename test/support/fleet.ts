import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** How a process of a fleet is set up. All of it travels as JSON. */
export interface FleetSettings {
  /** Options of the library, without what is no JSON. */
  readonly options: object;
  /** Undefined: neither messages nor a store. */
  readonly redisUrl?: string;
  readonly clientOf?: 'redis' | 'ioredis';
  /** A personal access token. */
  readonly serviceUser?: string;
  /** A call to ZITADEL whose URL contains one of these reads memberships. */
  readonly reads: readonly string[];
}

export interface FleetQuestion {
  readonly token: string;
  readonly orgId: string;
  readonly roleName: string;
}

/** `why`: from where the memberships are, or the reason of the "no". `ms`: how long it took. `at`: when it was decided. */
export interface FleetAnswer {
  readonly allowed: boolean;
  readonly why: string;
  readonly ms: number;
  readonly at: number;
}

/** Calls to ZITADEL: those that read memberships, and those about no user, as for discovery and keys. */
export interface FleetCalls {
  readonly reads: number;
  readonly others: number;
}

/** A process of a fleet, with the built library and a memory of its own. */
export interface FleetProcess {
  ask(question: FleetQuestion): Promise<FleetAnswer>;
  /** In this order, `atOnce` at a time. Without it all together. */
  askAll(questions: readonly FleetQuestion[], atOnce?: number): Promise<readonly FleetAnswer[]>;
  /** As the application does. */
  evict(eviction: object): Promise<void>;
  /** Calls to ZITADEL so far. */
  calls(): Promise<FleetCalls>;
  /** What it has logged since the last time. */
  lines(): Promise<readonly string[]>;
  /** Resolves when it hears the other processes. */
  connected(): Promise<void>;
  /** Closes the library. */
  close(): Promise<void>;
  end(): void;
  kill(signal: NodeJS.Signals): void;
}

// Proofs run where they were compiled to.
const SCRIPT = fileURLToPath(new URL('fleet-process.mjs', sourceFolder()));

function sourceFolder(): URL {
  const here = new URL('.', import.meta.url);
  return new URL(here.href.replace('/.build/', '/'));
}

/** Starts a process of a fleet. It answers from now on. */
export async function startFleetProcess(settings: FleetSettings): Promise<FleetProcess> {
  const child = fork(SCRIPT, [JSON.stringify(settings)], { execArgv: [], stdio: 'inherit' });
  const tell = askerOf(child);
  await once(child, 'message');
  return {
    ask: (question) => tell('ask', question),
    askAll: (questions, atOnce) => tell('askAll', { questions, atOnce }),
    evict: (eviction) => tell('evict', { eviction }),
    calls: () => tell('calls'),
    lines: () => tell('lines'),
    connected: () => tell('connected'),
    close: () => tell('close'),
    end: () => void (child.connected && child.disconnect()),
    kill: (signal) => void child.kill(signal),
  };
}

/** Asks a process of ours, which replies to each question by its id. */
export function askerOf(child: ChildProcess) {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let last = 0;
  child.on('message', ({ id, reply, error }: { id: number; reply?: unknown; error?: string }) => {
    const question = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) question?.resolve(reply);
    else question?.reject(new Error(error));
  });
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('a process of ours ended'));
  });
  return <T>(what: string, more: object = {}): Promise<T> =>
    new Promise<unknown>((resolve, reject) => {
      last += 1;
      waiting.set(last, { resolve, reject });
      child.send({ id: last, what, ...more });
    }) as Promise<T>;
}
