import type { NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import { decisionOf, end } from '../core/attached-decision.js';

const SSE = '__sse__';
const INTERCEPTORS = '__interceptors__';

/** Ends a stream of events with the decision that let its request in. It knows no application: all that share a controller share it. */
const ENDING: NestInterceptor = {
  intercept(context, next) {
    const decision = decisionOf(context.getArgByIndex<object>(0));
    if (!decision) return next.handle();
    const { signal } = decision;
    return new Observable((events) => {
      const complete = () => events.complete();
      if (signal.aborted) return complete();
      signal.addEventListener('abort', complete);
      events.add(() => {
        signal.removeEventListener('abort', complete);
        end(decision);
      });
      events.add(next.handle().subscribe(events));
    });
  },
};

/** Whether Nest answers by a stream of events. */
export function isStream(handler: object): boolean {
  return Reflect.getMetadata(SSE, handler) === true;
}

/** Lets a handler's streams end with their decisions. Nest reads this when it makes the routes, before any of its hooks. */
export function endStreamsOf(handler: object): void {
  const written: unknown = Reflect.getMetadata(INTERCEPTORS, handler);
  const others: readonly unknown[] = Array.isArray(written) ? written : [];
  if (!others.includes(ENDING)) Reflect.defineMetadata(INTERCEPTORS, [ENDING, ...others], handler);
}
