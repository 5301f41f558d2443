import { reasonOf } from '../../doctor/events.js';

/** Whether the application answers where ZITADEL delivers. */
export interface Receiver {
  /** Undefined: it cannot be reached from here, which says nothing about ZITADEL. */
  readonly isThere: boolean | undefined;
  readonly text: string;
}

const WAIT_MS = 5_000;

/** Delivers nothing: the receiver answers everything but a POST with 405. */
export async function lookAtReceiver(endpoint: string, stop: AbortSignal): Promise<Receiver> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(WAIT_MS)]);
  try {
    const { status, headers, body } = await fetch(endpoint, { redirect: 'manual', signal });
    await body?.cancel();
    const isThere = status === 405 && headers.get('allow') === 'POST';
    const text = isThere
      ? `An application receives events at ${endpoint}.`
      : `No application seems to receive events at ${endpoint}: it answers GET with ${status} instead of 405. Look at the path, and at what stands before the application.`;
    return { isThere, text };
  } catch (error) {
    const isLate = signal.aborted && !stop.aborted;
    const why = isLate ? `no reply within ${WAIT_MS} ms` : reasonOf(error);
    const text = `${endpoint} cannot be reached from here (${why}). ZITADEL may reach it all the same.`;
    return { isThere: undefined, text };
  }
}
