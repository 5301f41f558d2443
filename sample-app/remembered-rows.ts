import { Inject, Injectable } from '@nestjs/common';
import { MembershipLists, type Caller, type MembershipRead } from 'nestjs-zitadel';
import { INSTANCE, type Instance } from './instance.js';

/** One row of what ZITADEL lists for somebody. */
export interface Row {
  readonly kind: 'instance' | 'org' | 'project' | 'projectGrant';
  readonly id: string;
  readonly roles: readonly string[];
}

const KEPT = 200;

/**
 * What the library remembers of somebody's memberships, row by row. The library keeps its memory to itself, so the sample lists them as well,
 * right after they were read. Only with the emulator: a real ZITADEL is not asked twice for the sake of a picture.
 */
@Injectable()
export class RememberedRows {
  readonly #lists = new Map<string, Promise<readonly Row[] | undefined>>();

  constructor(
    @Inject(INSTANCE) private readonly instance: Instance,
    @Inject(MembershipLists) private readonly lists: MembershipLists,
  ) {}

  /** A decision has used what was read then. */
  note(caller: Caller, read: MembershipRead): void {
    const key = keyOf(caller, read);
    if (!this.instance.demo || this.#lists.has(key)) return;
    this.#lists.set(key, this.now(caller));
    const [oldest] = this.#lists.keys();
    if (oldest !== undefined && this.#lists.size > KEPT) this.#lists.delete(oldest);
  }

  /** The rows as they were read. Undefined: nobody knows. */
  async asRead(caller: Caller, read: MembershipRead): Promise<readonly Row[] | undefined> {
    return this.#lists.get(keyOf(caller, read));
  }

  /** The rows as ZITADEL lists them at this moment. Undefined: it does not say. */
  async now(caller: Caller): Promise<readonly Row[] | undefined> {
    try {
      const { result } = await this.lists.listMine(caller);
      return result.flatMap(({ on, roles }) => (on ? [{ ...on, roles }] : []));
    } catch {
      return undefined;
    }
  }
}

function keyOf({ userId }: Caller, { at }: MembershipRead): string {
  return `${userId} ${String(at)}`;
}
