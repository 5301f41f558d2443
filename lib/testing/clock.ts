/** Time in microseconds since 1970, never the same twice: every change of the world has its own moment. */
export class Clock {
  #last = 0;

  stamp(): number {
    this.#last = Math.max(this.#last + 1, Date.now() * 1000);
    return this.#last;
  }
}

/** A moment as protojson writes it: UTC with six digits of fraction. */
export function isoOf(stamp: number): string {
  const millis = Math.floor(stamp / 1000);
  const micros = String(stamp % 1000).padStart(3, '0');
  return new Date(millis).toISOString().replace('Z', `${micros}Z`);
}

export function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
