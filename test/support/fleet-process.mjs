// One process of a fleet, for proofs: the library as built, with a real client of Redis and a store on the same Redis. Plain JavaScript, so that
// it runs as it is on every supported Node. `fleet.ts` starts it and speaks with it.
import KeyvRedis from '@keyv/redis';
import { createCache } from 'cache-manager';
import { Redis as Ioredis } from 'ioredis';
import { Keyv } from 'keyv';
import { createZitadel, org, pat, role } from 'nestjs-zitadel/express';
import { createClient } from 'redis';

const { options, redisUrl, clientOf, serviceUser, reads } = JSON.parse(process.argv[2]);

const lines = [];
let hear;
const heard = new Promise((resolve) => {
  hear = resolve;
});
const note = (level) => (message) => {
  lines.push(`${level}: ${message}`);
  if (message.includes('other processes are heard')) hear();
};
const logger = { debug() {}, log: note('log'), warn: note('warn'), error: note('error') };

function openClient() {
  if (redisUrl === undefined) return undefined;
  if (clientOf === 'ioredis') {
    const client = new Ioredis(redisUrl, { retryStrategy: () => 250 });
    return client.on('error', () => undefined);
  }
  const client = createClient({ url: redisUrl, socket: { reconnectStrategy: 250 } });
  client.on('error', () => undefined);
  client.connect().catch(() => undefined);
  return client;
}

const redis = openClient();
const keyv =
  redisUrl && new Keyv(new KeyvRedis({ url: redisUrl, socket: { reconnectStrategy: 250 } }));
keyv?.on('error', () => undefined);
const calls = { reads: 0, others: 0 };
const zitadel = createZitadel(
  {
    ...options,
    ...(serviceUser && { serviceUser: pat(serviceUser) }),
    ...(redis && { redis }),
    fetch: (url, init) => {
      calls[reads.some((part) => String(url).includes(part)) ? 'reads' : 'others'] += 1;
      return fetch(url, init);
    },
    logger,
  },
  keyv && { sharedCache: createCache({ stores: [keyv] }) },
);
const { decisions } = zitadel;

/** One decision: by a token on an organization. */
async function ask({ token, orgId, roleName }) {
  const request = { headers: { authorization: `Bearer ${token}` } };
  const requirement = decisions.prepare(role(roleName, org(orgId)));
  const since = performance.now();
  const decision = await decisions.authorize(request, requirement);
  const ms = performance.now() - since;
  return {
    allowed: decision.allowed,
    why: decision.allowed ? decision.read.from : `${decision.reason} ${decision.detail ?? ''}`,
    ms,
    at: Date.now(),
  };
}

const DO = {
  ask,
  /** In this order, so many at a time. */
  askAll: async ({ questions, atOnce = questions.length }) => {
    const answers = [];
    const asking = async () => {
      for (let at = answers.length; at < questions.length; at = answers.length) {
        answers.push(undefined);
        answers[at] = await ask(questions[at]);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, asking));
    return answers;
  },
  evict: ({ eviction }) => decisions.evict(eviction),
  calls: () => calls,
  lines: () => lines.splice(0),
  connected: () => heard,
  close: () => zitadel.close(),
};

process.on('message', ({ id, what, ...more }) => {
  Promise.resolve()
    .then(() => DO[what](more))
    .then(
      (reply) => process.send({ id, reply }),
      (error) => process.send({ id, error: String(error) }),
    );
});
process.on('disconnect', () => process.exit());
process.send({ id: 0 });
