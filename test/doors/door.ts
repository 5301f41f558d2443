import type { DecisionEvent, ZitadelLogger, ZitadelOptions } from '../../lib/index.js';
import type { Running } from '../support/start.js';
import type { World } from '../support/world.js';

/** One line of the library's log. */
export interface Line {
  readonly level: keyof ZitadelLogger;
  readonly text: string;
}

/** What a door remembers of what happened behind it. */
export class Notes {
  /** How often a handler ran that is not public. */
  ran = 0;
  ranPublic = 0;
  readonly decisions: DecisionEvent[] = [];
  readonly lines: Line[] = [];

  readonly logger: ZitadelLogger = {
    debug: (text) => void this.lines.push({ level: 'debug', text }),
    log: (text) => void this.lines.push({ level: 'log', text }),
    warn: (text) => void this.lines.push({ level: 'warn', text }),
    error: (text) => void this.lines.push({ level: 'error', text }),
  };

  /** How many decisions let somebody in. */
  get allowed(): number {
    return this.decisions.filter(({ decision }) => decision.allowed).length;
  }

  /** Everything that was logged, one line each. */
  get log(): string {
    return this.lines.map(({ level, text }) => `${level} ${text}`).join('\n');
  }
}

/** A server of one kind with the routes of the table, guarded by the library. */
export interface Door extends Running {
  readonly notes: Notes;
}

export type DoorName = 'Nest on Express' | 'Nest on Fastify' | 'Express';

/** Opens a door: same routes, same answers, whatever stands behind it. */
export type OpenDoor = (world: World, options?: Partial<ZitadelOptions>) => Promise<Door>;

/** What a handler answers: what guard and middleware handed to it. */
export interface Seen {
  readonly caller?: string | undefined;
  readonly org?: string;
  readonly other?: string;
  readonly project?: string;
  readonly projectGrant?: string;
  readonly answer?: unknown;
}
