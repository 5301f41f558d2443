const MOST = 6;
const HOLD_MS = 250;
/** A store that did not say anything for so long has failed. A single late reply says nothing: a busy host has many. */
const SILENT_MS = 1_000;

/**
 * Those who are about to ask the shared store for what others may be asking for as well. With all of them at once, none would get its reply in
 * time, and what one asks ZITADEL for would come too late for the others. So six go at a time, and each makes room after 250 ms. If the
 * store fails, nobody lines up for it.
 */
export class StoreQueue {
  readonly #waiting = new Set<(isThere: boolean) => void>();
  #going = 0;
  #hasFailed = false;
  /** When the first of the failures came after which there was no reply. */
  #silentSince: number | undefined;
  #failedAt = -Infinity;

  /** `isThere`: whether to ask the store. It failed if not, and enough time was spent on waiting for it. */
  async join<T>(work: (isThere: boolean) => Promise<T>): Promise<T> {
    if (this.#hasFailed) return work(true);
    if (this.#going < MOST) this.#going += 1;
    else if (!(await this.#called())) return work(false);
    let mayGo = true;
    const makeRoom = () => {
      if (mayGo) this.#callNext();
      mayGo = false;
    };
    const hold = setTimeout(makeRoom, HOLD_MS);
    try {
      return await work(true);
    } finally {
      clearTimeout(hold);
      makeRoom();
    }
  }

  /** How the store did the last time. */
  settle(hasFailed: boolean): void {
    const now = performance.now();
    // Nobody asked meanwhile, so that was no silence.
    if (now - this.#failedAt > SILENT_MS) this.#silentSince = undefined;
    if (hasFailed) this.#failedAt = now;
    this.#silentSince = hasFailed ? (this.#silentSince ?? now) : undefined;
    this.#hasFailed = this.#silentSince !== undefined && now - this.#silentSince > SILENT_MS;
    if (!this.#hasFailed) return;
    for (const call of this.#waiting) call(false);
    this.#waiting.clear();
  }

  #called(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
    });
  }

  #callNext(): void {
    const [call] = this.#waiting;
    if (!call) this.#going -= 1;
    else {
      this.#waiting.delete(call);
      call(true);
    }
  }
}
