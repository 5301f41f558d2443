import { addTarget } from './actions/targets.js';
import { type DeliveryFaults, idOf, type Ref, type Target, type TargetOptions } from './model.js';
import { TokenVerbs } from './token-verbs.js';

/** The verbs about deliveries of events. */
export class DeliveryVerbs extends TokenVerbs {
  /**
   * Delivers what happens from now on to an endpoint, as a target of ZITADEL's Actions v2 does: a signed POST for each event, at most
   * once. An event goes to one condition only, the one that fits best. Targets that name the same event share it.
   *
   * @throws ZitadelError if there is no such event
   *
   * @example
   * ```ts
   * const signingKey = 'a-key-of-the-tests';
   * const app = applicationWith(zitadel.options({ events: { signingKeys: [signingKey] } }));
   * zitadel.addTarget(`${urlOf(app)}/zitadel/events`, { signingKey });
   * zitadel.removeMember(alice, { org: acme });
   * await zitadel.delivered();
   * ```
   */
  addTarget(endpoint: string, options: TargetOptions = {}): Target {
    const { id, signingKey } = addTarget(this.instance.targets, endpoint, options);
    return { id, signingKey };
  }

  /**
   * From now on nothing more is delivered to the target. What is under way is.
   *
   * @example `zitadel.removeTarget(target)`
   */
  removeTarget(target: Ref): void {
    this.instance.targets.remove(idOf(target));
  }

  /**
   * What happens to deliveries from now on. Each call replaces the one before: `{}` ends it, as {@link heal} does.
   *
   * @throws TypeError if a delay is negative, or a share is not from 0 to 1
   *
   * @example
   * ```ts
   * zitadel.deliveries({ delayMs: [10, 1100], lose: 0.1, duplicate: 0.1, reorder: true });
   * zitadel.deliveries({ lose: 1 });
   * ```
   */
  deliveries(faults: DeliveryFaults): void {
    this.instance.deliveries.meet(faults);
  }

  /**
   * Resolves when no delivery is under way: every one was answered, refused or lost.
   *
   * @example `await zitadel.delivered()`
   */
  delivered(): Promise<void> {
    return this.instance.deliveries.done();
  }
}
