const MOST = 6;
const HOLD_MS = 250;

/**
 * Those who are about to ask the shared store for what others may be asking for as well. With all of them at once, none would get its reply in
 * time, and what one asks ZITADEL for would come too late for the others. So six go at a time, and each makes room after 250 ms. If the
 * store fails, nobody lines up for it, and those who do leave.
 */
export class StoreQueue {
  readonly #waiting = new Set<(hasPlace: boolean) => void>();
  #going = 0;
  #isFailing = false;

  async join<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isFailing) return work();
    if (this.#going < MOST) this.#going += 1;
    else if (!(await this.#called())) return work();
    let mayGo = true;
    const makeRoom = () => {
      if (mayGo) this.#callNext();
      mayGo = false;
    };
    const hold = setTimeout(makeRoom, HOLD_MS);
    try {
      return await work();
    } finally {
      clearTimeout(hold);
      makeRoom();
    }
  }

  /** How the store does. If it fails, all who wait may go: a store that has only paused has replies for them. */
  settle(isFailing: boolean): void {
    this.#isFailing = isFailing;
    if (!isFailing) return;
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
