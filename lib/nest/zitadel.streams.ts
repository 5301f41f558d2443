import { Inject } from '@nestjs/common';
import { Observable, type Observer, type Operator, Subscriber, type Subscription } from 'rxjs';
import type { EvictionEvent } from '../core/eviction.js';
import { type DecisionEvent, quietly } from '../core/tell.js';
import { ZitadelAuthorizer } from '../core/zitadel-authorizer.js';

/**
 * Events that nobody who listens can harm. By itself, rxjs ends the process when a subscriber throws, or when an operator throws and nobody has
 * subscribed to errors. This holds for a stream and for what `pipe` makes of it.
 */
class QuietObservable<T> extends Observable<T> {
  /** @internal What `pipe` builds on. */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new QuietObservable<R>();
    lifted.source = this;
    lifted.operator = operator as Operator<unknown, R>;
    return lifted;
  }

  override subscribe(
    observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // An operator, or a subscriber of this library's own: it passes on what goes wrong.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const isObserver = typeof observerOrNext === 'object' && observerOrNext !== null;
    const to = (isObserver ? observerOrNext : { next: observerOrNext, error, complete }) as Partial<
      Observer<T>
    >;
    return super.subscribe({
      next: (value) => {
        quietly(() => to.next?.(value));
      },
      error: (reason) => {
        quietly(() => to.error?.(reason));
      },
      complete: () => {
        quietly(() => to.complete?.());
      },
    });
  }
}

/**
 * Every decision, allowed and denied, as it is made: for live views and audit logs. It costs nothing while nobody listens. What a subscriber
 * throws or rejects changes nothing. What an operator of `pipe` throws ends only what is subscribed there. To keep records, see `auditTo`.
 *
 * @example `stream.subscribe(({ decision }) => show(decision))`
 */
export class ZitadelDecisionStream extends QuietObservable<DecisionEvent> {
  constructor(@Inject(ZitadelAuthorizer) authorizer: ZitadelAuthorizer) {
    super((subscriber) =>
      authorizer.onDecision((event) => {
        subscriber.next(event);
      }),
    );
  }
}

/**
 * Every eviction, made here or told by another process, as soon as the memory of this process has forgotten. It does no more harm than
 * `ZitadelDecisionStream`.
 *
 * @example `stream.subscribe(({ eviction, from }) => show(eviction, from))`
 */
export class ZitadelEvictionStream extends QuietObservable<EvictionEvent> {
  constructor(@Inject(ZitadelAuthorizer) authorizer: ZitadelAuthorizer) {
    super((subscriber) =>
      authorizer.onEviction((event) => {
        subscriber.next(event);
      }),
    );
  }
}
