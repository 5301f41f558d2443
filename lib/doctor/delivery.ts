import { createHmac, randomUUID } from 'node:crypto';
import { own } from '../core/own-properties.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { EFFECT, type Finding, fine, warning } from './finding.js';

/**
 * An event that ZITADEL does not have, so that it ends nothing. It has no time: it is not the latest that the application heard of. Each has
 * an id, since an application does not look at the same delivery twice.
 */
const newBody = (): string =>
  JSON.stringify({ event_type: 'nestjs-zitadel.doctor.tried', aggregateID: randomUUID() });

/** How long, and until what, the application is asked. */
interface Patience {
  readonly deadlineMs: number;
  readonly stop: AbortSignal;
}

/** Whether the application takes a delivery that the keys of one of its instances have signed. */
export async function examineDelivery(
  url: string,
  instances: readonly ResolvedOptions[],
  { deadlineMs, stop }: Patience,
): Promise<Finding> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(deadlineMs)]);
  let first: Finding | undefined;
  for (const { events } of instances) {
    const keys = [events?.signingKeys ?? []].flat();
    if (keys.length === 0) continue;
    const found = await deliver(url, keys, signal, deadlineMs);
    if (found.level === 'ok') return found;
    first ??= found;
  }
  return (
    first ??
    notReceived(
      'no delivery was sent: the options have no events.signingKeys that can be read',
      'write events: { signingKeys } into the options and correct what is wrong with them, or leave out --events-url',
    )
  );
}

async function deliver(
  url: string,
  keys: readonly string[],
  signal: AbortSignal,
  deadlineMs: number,
): Promise<Finding> {
  const body = newBody();
  const headers = {
    'content-type': 'application/json',
    'zitadel-signature': signatureOf(body, keys),
  };
  try {
    const sent = { method: 'POST', headers, body, redirect: 'manual', signal } as const;
    const { status, body: reply } = await fetch(url, sent);
    // The receiver answers without a body.
    const isEmpty = reply === null || (await reply.getReader().read()).done;
    if (status === 200 && isEmpty) {
      return fine(
        'events.received',
        'a delivery that ends nothing was sent to the application, which took it',
      );
    }
    return notReceived(`the application answers a delivery with ${status}`, remedyFor(status));
  } catch (error) {
    const why = signal.aborted ? `no reply within ${deadlineMs} ms` : reasonOf(error);
    return notReceived(
      `the application cannot be reached where it receives events (${why})`,
      'start the application, and give with --events-url where ZITADEL reaches it',
    );
  }
}

/** What `fetch` says: a code, or else its text. */
export function reasonOf(error: unknown): string {
  const cause = own(error, 'cause') ?? error;
  const code = own(cause, 'code');
  return typeof code === 'string' ? code : String(own(cause, 'message'));
}

function notReceived(what: string, remedy: string): Finding {
  return warning('events.not-received', {
    what,
    why: 'ZITADEL posts events there as this was posted',
    effect: EFFECT.late,
    remedy,
  });
}

function remedyFor(status: number): string {
  switch (status) {
    case 401:
      return 'start the application with the same events.signingKeys, and let no proxy change the body or remove ZITADEL-Signature: its log says which';
    case 500:
      return 'let nothing parse the body before: put zitadelEvents() before express.json()';
    default:
      return 'give the URL where the application receives, and let a proxy pass on its path; no other handler may answer there';
  }
}

/** As ZITADEL signs. While a key is rotated, the application has one of them at least. */
function signatureOf(body: string, keys: readonly string[]): string {
  const t = Math.floor(Date.now() / 1_000);
  const each = keys.map((key) => createHmac('sha256', key).update(`${t}.${body}`).digest('hex'));
  return [`t=${t}`, ...each.map((signature) => `v1=${signature}`)].join(',');
}
