// A process of the application whose users' roles are revoked: the library as built, with a receiver of deliveries, a bus and a store. It asks
// about each user that it watches, again and again. Plain JavaScript, so that it runs as it is on every supported Node.
import { createServer } from 'node:http';
import KeyvRedis from '@keyv/redis';
import { createCache } from 'cache-manager';
import { Redis as Ioredis } from 'ioredis';
import { Keyv } from 'keyv';
import { createZitadel, org, role, zitadelEvents } from 'nestjs-zitadel/express';
import { createClient } from 'redis';

/** A user is asked about so often: what is told of the last "yes" is too early by as much at most. */
const PAUSE_MS = 5;
/** Who is not let in is asked about in one of so many rounds: a "no" costs more. */
const ROUNDS = 10;

const { options, orgId, redisUrl, bus } = JSON.parse(process.argv[2]);

/** Milliseconds since 1970, with a fraction: all processes of one machine share this clock. */
const now = () => performance.timeOrigin + performance.now();

let hear;
const heard = new Promise((resolve) => {
  hear = resolve;
});
const log = (text) => {
  if (text.includes('other processes are heard')) hear();
};
const say = (line) => {
  // That is what revoking leads to.
  if (!line.startsWith('role_missing')) process.send({ line });
};
const logger = { debug() {}, log, warn: say, error: say };

function openBus() {
  if (bus === 'ioredis') return new Ioredis(redisUrl).on('error', () => undefined);
  if (bus === 'redis') {
    const client = createClient({ url: redisUrl });
    client.on('error', () => undefined);
    client.connect().catch(() => undefined);
    return client;
  }
  // All that is told is lost.
  hear();
  return { publish() {}, subscribe() {} };
}

const store = new Keyv(new KeyvRedis(redisUrl));
store.on('error', () => undefined);
const zitadel = createZitadel(
  { ...options, redis: openBus(), logger },
  { sharedCache: createCache({ stores: [store] }) },
);
const { decisions } = zitadel;
const owns = decisions.prepare(role('ORG_OWNER', org(orgId)));
const server = createServer(zitadelEvents(zitadel)).listen(0, '127.0.0.1', () => {
  process.send({ port: server.address().port });
});

/** Who is watched, by id. */
const watched = new Map();

decisions.onEviction(({ eviction }) => {
  const user = watched.get(eviction.userId);
  if (user) user.isEvicted = true;
});

function ask(user) {
  const { isEvicted } = user;
  const at = now();
  const note = ({ allowed, reason, detail }) => {
    user.isAllowed = allowed;
    if (allowed) {
      user.lastAllowAt = Math.max(at, user.lastAllowAt);
      if (isEvicted) user.afterEviction += 1;
      user.warm();
    } else say(`${reason}: ${detail}`);
  };
  const decision = decisions.authorize(user.request, owns);
  if (!(decision instanceof Promise)) return note(decision);
  user.isAsking = true;
  void decision.then((decided) => {
    user.isAsking = false;
    note(decided);
  });
}

let round = 0;
setInterval(() => {
  round += 1;
  for (const user of watched.values()) {
    const isDue = user.isAllowed || round % ROUNDS === 0;
    if (isDue && !user.isAsking) ask(user);
  }
}, PAUSE_MS);

const told = ({ isAllowed, lastAllowAt, afterEviction }) => ({
  isAllowed,
  lastAllowAt,
  afterEviction,
});

const DO = {
  connected: () => heard,
  /** Resolves when each of them was let in. */
  watch: async ({ users }) => {
    await Promise.all(
      users.map(
        ({ id, token }) =>
          new Promise((warm) => {
            const request = { headers: { authorization: `Bearer ${token}` } };
            const seen = { isAllowed: true, lastAllowAt: 0, afterEviction: 0 };
            watched.set(id, { request, warm, isAsking: false, isEvicted: false, ...seen });
          }),
      ),
    );
  },
  look: ({ ids }) => ids.map((id) => told(watched.get(id))),
  forget: ({ ids }) => ids.forEach((id) => watched.delete(id)),
};

async function answer({ call, verb, ...given }) {
  process.send({ call, result: await DO[verb](given) });
}

process.on('message', (message) => void answer(message));
process.on('disconnect', () => process.exit());
