import { verifyEventSignature } from '../../lib/zitadel/events/verify-event.js';
import { differences } from './compare.js';
import { entryOf } from './recording.js';
import type { RecordedWorld } from './recorded-world.js';
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

/** The key of the target here, which is removed by now. */
const keyOf = (world: RecordedWorld): string => world.labels.get('signing key') ?? '';

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

/** The same deliveries were received here, field by field in the same order, with ids and moments of this world. */
export const receivedAsRecorded = step('webhooks', RECEIVED, 'is received', async (world) => {
  await world.zitadel.delivered();
  const here = world.receiver.deliveries;
  const signatures = here.map(({ raw, headers, at }) => {
    const header = headers['zitadel-signature'];
    return verifyEventSignature(Buffer.from(raw), header, keyOf(world), at);
  });
  return [
    ...differences(deliveries.map(contentOf), here.map(contentOf), world.ids, 'deliveries'),
    ...differences(deliveries.map(formOf), here.map(formOf), world.ids, 'form'),
    ...signatures.filter((verdict) => verdict !== 'valid').map(String),
  ];
});

/** What it says; sequences count all that ever happened to something, and so differ. */
function contentOf({ raw }: { readonly raw: string }): object {
  const body = JSON.parse(raw) as { readonly sequence: number; readonly created_at: string };
  const [, seconds = '', fraction = ''] = /^([^.]*?)(?:\.(\d+))?Z$/.exec(body.created_at) ?? [];
  const createdAt = `${seconds}.${fraction.padEnd(6, '0')}Z`;
  return { ...body, sequence: String(body.sequence), created_at: createdAt };
}

/** How it is written: with other ids, numbers and moments. */
function formOf({ raw, headers }: Pick<Delivery, 'raw' | 'headers'>): object {
  const names = Object.keys(headers).filter((name) => name !== 'connection');
  const wellWritten = /"created_at":"[^".]*(\.\d{0,5}[1-9])?Z"/.test(raw);
  return {
    text: raw
      .replaceAll(/"\d{18}"/g, '#')
      .replaceAll(/(?<="sequence":)\d+|(?<="created_at":)"[^"]*"/g, '#'),
    headers: names.sort(),
    type: headers['content-type'],
    agent: headers['user-agent'],
    wellWritten,
  };
}

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
