// The emulator of the revocation world, in a process of its own: users with a role each, roles that end at a rate, and deliveries that go
// to one of several addresses in turn, as behind a load balancer. Plain JavaScript, so that it runs as it is on every supported Node.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';

const ROLE = ['ORG_OWNER'];
const TICK_MS = 2;

const zitadel = await ZitadelEmulator.start();
const acme = zitadel.addOrg('acme');
/** By the order in which they were made. */
const users = [];
const placeOf = new Map();
let deliverTo = [];
let turn = 0;

/** Milliseconds since 1970, with a fraction. */
const now = () => performance.timeOrigin + performance.now();

async function forward(incoming, outgoing) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const raw = Buffer.concat(chunks);
  const { userId } = JSON.parse(raw.toString()).event_payload ?? {};
  const place = placeOf.get(userId);
  if (place !== undefined) process.send({ arrived: place, at: now() });
  if (deliverTo.length === 0) return outgoing.writeHead(200).end();
  const address = deliverTo[(turn += 1) % deliverTo.length];
  const { 'content-type': type, 'zitadel-signature': signature } = incoming.headers;
  const headers = { 'content-type': type, 'zitadel-signature': signature };
  // A connection each: what goes out on one that is just closed would be lost, and ZITADEL never sends it again.
  const forwarded = request(address, { method: 'POST', headers, agent: false }, (answer) => {
    answer.resume();
    if (answer.statusCode !== 200) console.error(`a delivery got ${answer.statusCode}`);
    outgoing.writeHead(answer.statusCode).end();
  });
  forwarded.on('error', (error) => {
    console.error(`a delivery was lost: ${error.message}`);
    outgoing.writeHead(502).end();
  });
  forwarded.end(raw);
}

const balancer = createServer((incoming, outgoing) => void forward(incoming, outgoing));
balancer.listen(0, '127.0.0.1');
await once(balancer, 'listening');
const endpoint = `http://127.0.0.1:${balancer.address().port}/zitadel/events`;
const { signingKey } = zitadel.addTarget(endpoint, { events: ['org.member.removed'] });

const verbs = {
  addUsers({ count }) {
    const made = [];
    for (let each = 0; each < count; each += 1) {
      const user = zitadel.addUser(`user-${users.length}`, { org: acme });
      zitadel.addMember(user, { org: acme }, ROLE);
      placeOf.set(user.id, users.length);
      users.push(user);
      made.push({ id: user.id, token: zitadel.tokenFor(user) });
    }
    return made;
  },
  deliverTo: ({ addresses }) => void (deliverTo = addresses),
  deliveries: ({ faults }) => zitadel.deliveries(faults),
  lagReads: ({ ms }) => zitadel.lagReads(ms),
  requests: () => zitadel.requests('memberships') + zitadel.requests('administrators'),
  async revoke({ places, perSecond }) {
    const start = performance.now();
    for (let done = 0; done < places.length;) {
      const due = Math.floor(((performance.now() - start) / 1000) * perSecond) + 1;
      for (; done < Math.min(due, places.length); done += 1) {
        const at = now();
        zitadel.removeMember(users[places[done]], { org: acme });
        process.send({ revoked: places[done], at });
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  },
  giveBack({ places }) {
    for (const place of places) zitadel.addMember(users[place], { org: acme }, ROLE);
  },
  delivered: () => zitadel.delivered(),
};

process.on('message', ({ id, what, ...more }) => {
  Promise.resolve()
    .then(() => verbs[what](more))
    .then(
      (reply) => process.send({ id, reply }),
      (error) => process.send({ id, error: String(error) }),
    );
});
process.on('disconnect', () => process.exit());
process.send({ ready: { options: zitadel.options(), orgId: acme.id, signingKey } });
