import type { NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import { type LastingYes, Review } from '../core/review.js';

const SSE = '__sse__';
const INTERCEPTORS = '__interceptors__';

/** The decisions on which streams of events rest, by their requests. */
const lasting = new WeakMap<object, LastingYes>();

/** Notes on which decision the stream that answers this request rests. */
export function restOn(request: object, yes: LastingYes): void {
  lasting.set(request, yes);
}

/** Ends a stream of events with the decision that let its request in. It knows no application: all that share a controller share it. */
const ENDING: NestInterceptor = {
  intercept(context, next) {
    const yes = lasting.get(context.getArgByIndex<object>(0));
    if (!yes) return next.handle();
    return new Observable((events) => {
      const review = new Review(yes, () => events.complete());
      events.add(() => review.stop());
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
