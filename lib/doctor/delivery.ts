import { createHmac, randomUUID } from 'node:crypto';
import { own } from '../core/own-properties.js';
import { EFFECT, type Finding, fine, warning } from './finding.js';
import type { Scene } from './scene.js';

/**
 * An event that ZITADEL does not have, so that it ends nothing. It has no time: it is not the latest that the application heard of. No two are
 * the same: the second would be a replay.
 */
const bodyOfNothing = () =>
  JSON.stringify({ event_type: 'nestjs-zitadel.doctor.tried', aggregateID: randomUUID() });

/** Whether the application takes a delivery that its own key has signed. */
export async function examineDelivery(
  { resolved, deadlineMs }: Scene,
  url: string,
  stop: AbortSignal,
): Promise<Finding> {
  const keys = [resolved.events?.signingKeys ?? []].flat();
  if (keys.length === 0) {
    return notReceived(
      'events.signingKeys is not set, so the application receives no deliveries',
      'write events: { signingKeys } into the options, or leave out --events-url',
    );
  }
  const signal = AbortSignal.any([stop, AbortSignal.timeout(deadlineMs)]);
  const body = bodyOfNothing();
  const headers = {
    'content-type': 'application/json',
    'zitadel-signature': signatureBy(keys, body),
  };
  try {
    const sent = { method: 'POST', headers, body, redirect: 'manual', signal } as const;
    const { status, body: answer } = await fetch(url, sent);
    // The receiver answers without a body.
    const isEmpty = answer === null || (await answer.getReader().read()).done;
    if (status === 200 && isEmpty) {
      return fine(
        'events.received',
        'a delivery that ends nothing was sent to the application, which took it',
      );
    }
    return notReceived(`the application answers a delivery with ${status}`, remedyFor(status));
  } catch (error) {
    const code = own(own(error, 'cause'), 'code');
    const words = String(own(own(error, 'cause'), 'message') ?? error);
    const why = signal.aborted
      ? `no reply within ${deadlineMs} ms`
      : typeof code === 'string'
        ? code
        : words;
    return notReceived(
      `the application cannot be reached where it receives events (${why})`,
      'start the application, and give with --events-url where ZITADEL reaches it',
    );
  }
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
function signatureBy(keys: readonly string[], body: string): string {
  const t = Math.floor(Date.now() / 1_000);
  const each = keys.map((key) => createHmac('sha256', key).update(`${t}.${body}`).digest('hex'));
  return [`t=${t}`, ...each.map((signature) => `v1=${signature}`)].join(',');
}
