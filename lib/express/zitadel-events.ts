import type { IncomingMessage, ServerResponse } from 'node:http';
import { ZitadelRequirementError } from '../core/errors.js';
import type { ZitadelInstances } from '../services.js';
import { takeDelivery } from '../zitadel/events/zitadel-events.js';

/**
 * The handler of a route where ZITADEL posts its events (Actions v2). It reads the bytes that were signed, so write the route before
 * `express.json()`. `express.raw({ type: '*\/*' })` may stand before it. If another parser has read the body, the answer is 500 and the log
 * says so.
 *
 * @throws ZitadelRequirementError without the option `events.signingKeys`
 * @example `app.post('/zitadel/events', zitadelEvents(zitadel))`
 */
export function zitadelEvents(
  zitadel: ZitadelInstances,
): (request: IncomingMessage, response: ServerResponse) => void {
  const [first, ...others] = [...zitadel.instances.values()].flatMap(({ events }) =>
    events.path === undefined ? [] : [events],
  );
  if (first === undefined) {
    throw new ZitadelRequirementError(
      'zitadelEvents() needs the signing key of the target: write events: { signingKeys: [...] } into the options of createZitadel()',
    );
  }
  return (request, response) => void takeDelivery([first, ...others], request, response);
}
