/** One process of the fleet at a time. A turn ends by itself, so that a process that dies keeps nobody waiting. */
export interface Turns {
  /** Takes the turn of this name for `ms` milliseconds. `taken`: another process has it. `unknown`: nobody could say, so go on without. */
  take(name: string, ms: number): Promise<Turn | 'taken' | 'unknown'>;
}

/** A turn that this process has. */
export interface Turn {
  /** Keeps it for `ms` more. False: another process may have it by now. */
  keep(ms: number): Promise<boolean>;
  /** Ends it. Nobody else's turn is ever ended. */
  end(): Promise<void>;
}
