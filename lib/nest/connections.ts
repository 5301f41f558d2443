import type { Decisions } from '../core/authorizer.js';
import type { Allowed } from '../core/decision.js';
import type { RequestLike } from '../core/request.js';
import { Review } from '../core/review.js';
import { quietly } from '../core/tell.js';
import { ANY_CALLER } from './declarations.js';
import type { Connection } from './doors/door.js';

/** The newest request of each connection that is watched, for each instance of ZITADEL. */
const watched = new WeakMap<Decisions, WeakMap<object, { request: RequestLike }>>();

/**
 * Closes a connection when the token by which a message was let in counts no more. What a message asks for beside the caller is asked for with
 * each message.
 */
export function watchConnection(
  connection: Connection,
  decisions: Decisions,
  request: RequestLike,
  yes: Allowed,
): void {
  const { client, isClosed } = connection;
  // It can close while a message is decided about.
  if (isClosed) return;
  const clients = watched.get(decisions) ?? new WeakMap<object, { request: RequestLike }>();
  watched.set(decisions, clients);
  const known = clients.get(client);
  if (known) {
    known.request = request;
    return;
  }
  const newest = { request };
  clients.set(client, newest);
  // The message has decided whether somebody may act as another user.
  const compiled = decisions.prepare(ANY_CALLER, true);
  const review = new Review(
    { decisions, request: () => newest.request, compiled, yes },
    (denied) => {
      // Nobody waits for this, so an exception would end the process: other adapters have clients of their own.
      quietly(() => connection.tell(denied));
      quietly(() => connection.close(denied));
    },
  );
  connection.onClose(() => review.stop());
}
