import { quietly } from '../tell.js';
import { type StoreTarget, targetKey } from './epochs.js';

/** By then, whoever wrote at the same time has written. And nobody waits much longer for a store that is back. */
const AFTER_MS = 1_000;
const AT_ONCE = 16;
const MOST = 10_000;

interface Look {
  readonly target: StoreTarget;
  readonly onTaken: (() => void) | undefined;
}

/**
 * Looks again whether the store holds an eviction that it has not taken, or that another process may have overwritten. It does so until the
 * store has it.
 */
export class SecondLooks {
  readonly #open = new Map<string, Look>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `isTaken` sees to it that the store holds an eviction of the target. It never rejects. */
  constructor(private readonly isTaken: (target: StoreTarget) => Promise<boolean>) {}

  /** Looks in a second or two. `onTaken`: is called when the store has it. False: too many are open, and this one may be left out. */
  add(target: StoreTarget, onTaken: (() => void) | undefined, mayLeaveOut: boolean): boolean {
    const key = targetKey(target);
    const before = this.#open.get(key);
    this.#open.delete(key);
    if (this.#open.size >= MOST && mayLeaveOut) return false;
    this.#open.set(key, { target, onTaken: onTaken ?? before?.onTaken });
    this.#wait();
    return true;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    if (this.#timer || this.#isClosed || this.#open.size === 0) return;
    const due = [...this.#open.values()];
    this.#timer = setTimeout(() => void this.#look(due), AFTER_MS).unref();
  }

  async #look(due: readonly Look[]): Promise<void> {
    for (let at = 0; at < due.length; at += AT_ONCE) {
      const looks = due.slice(at, at + AT_ONCE).map((look) => this.#lookAt(look));
      // The store fails, so nobody asks it about the others.
      if ((await Promise.all(looks)).every((came) => came === 'refused')) break;
    }
    this.#timer = undefined;
    this.#wait();
  }

  async #lookAt(look: Look): Promise<'taken' | 'refused' | 'outdated'> {
    const key = targetKey(look.target);
    const isCurrent = () => !this.#isClosed && this.#open.get(key) === look;
    const isTaken = isCurrent() && (await this.isTaken(look.target));
    if (!isCurrent()) return 'outdated';
    this.#open.delete(key);
    // Behind those that were not looked at.
    if (!isTaken) this.#open.set(key, look);
    else if (look.onTaken) quietly(look.onTaken);
    return isTaken ? 'taken' : 'refused';
  }
}
