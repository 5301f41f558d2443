import { verifyEventSignature } from '../../lib/zitadel/events/signature.js';
import { entryOf } from './recording.js';
import { type Step, step } from './step.js';

/** What the recorded target received: one POST of a server that told of an event. */
interface Delivery {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly raw: string;
}

const RECEIVED = 21;
const { signingKey, deliveries } = entryOf('webhooks', RECEIVED) as unknown as {
  readonly signingKey: string;
  readonly deliveries: readonly Delivery[];
};

/** Every recorded delivery is verified, and none is with a byte changed, wherever. */
export const DELIVERIES: readonly Step[] = deliveries.flatMap((delivery, index) => {
  const { event_type: event } = JSON.parse(delivery.raw) as { readonly event_type: string };
  const title = `delivery ${String(index + 1)}, ${event},`;
  return [
    step('webhooks', RECEIVED, `${title} verifies`, () => wrong(delivery, 'valid')),
    step('webhooks', RECEIVED, `${title} does not with a byte changed`, () =>
      changed(delivery).flatMap((other) => wrong(other, 'mismatch')),
    ),
  ];
});

function wrong({ raw, headers, at }: Delivery, expected: string): string[] {
  const verdict = verifyEventSignature(
    Buffer.from(raw),
    headers['zitadel-signature'],
    signingKey,
    at,
  );
  return verdict === expected ? [] : [`${verdict} instead of ${expected}: ${raw}`];
}

/** The delivery with each byte of its body and each digit of its signature changed, one at a time. */
function changed(delivery: Delivery): Delivery[] {
  const header = delivery.headers['zitadel-signature'] ?? '';
  const digits = header.indexOf('v1=') + 3;
  return [
    ...Array.from(delivery.raw, (byte, at) => ({
      ...delivery,
      raw: replaced(delivery.raw, at, String.fromCharCode(byte.charCodeAt(0) ^ 1)),
    })),
    ...Array.from(header.slice(digits), (digit, at) => ({
      ...delivery,
      headers: { 'zitadel-signature': replaced(header, digits + at, digit === '0' ? '1' : '0') },
    })),
  ];
}

function replaced(text: string, at: number, character: string): string {
  return text.slice(0, at) + character + text.slice(at + 1);
}
