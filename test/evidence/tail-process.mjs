// Tails an emulator's events, as a process of an application does, until it is killed. It says on its output which user is evicted when.
import { createHash } from 'node:crypto';
import KeyvRedis from '@keyv/redis';
import { Keyv } from 'keyv';
import { SharedStore } from '#dist/core/store/shared-store.js';
import { quietLogger } from '#dist/core/tell.js';
import { openServiceUser, pat } from '#dist/zitadel/credentials.js';
import { createDiscovery } from '#dist/zitadel/discovery.js';
import { EventTail } from '#dist/zitadel/events/tail.js';
import { createHttp } from '#dist/zitadel/http.js';
import { ServiceToken } from '#dist/zitadel/service-user.js';

const { url, token, everyMs, redis, store } = JSON.parse(process.argv[2] ?? '{}');

const http = createHttp({
  issuer: url,
  internalUrl: undefined,
  fetch: (address, init) => globalThis.fetch(address, init),
  timeoutMs: 30_000,
  budgetMs: 60_000,
});
const say = (line) => process.stdout.write(`${line}\n`);
new EventTail({
  asker: new ServiceToken(http, createDiscovery(http, url), url, openServiceUser(pat(token))),
  everyMs,
  ttlMs: 30_000,
  apply: (evictions) => {
    const now = Date.now();
    for (const { type, userId } of evictions) {
      if (type === 'everyone') say('everyone');
      if (type === 'user') say(`${userId} ${now}`);
    }
  },
  notes: new SharedStore(
    redis === undefined ? overHttp(store) : new Keyv(new KeyvRedis(redis)),
    'the secret of every process of the proof',
    [url],
    30_000,
  ),
  log: quietLogger({
    debug: () => undefined,
    log: () => undefined,
    warn: (text) => say(`# ${text}`),
    error: (text) => say(`# ${text}`),
  }),
}).start();
// The tail itself keeps no process alive.
setInterval(() => undefined, 60_000);

/** The store of the process that started this one, where no Redis is at hand. */
function overHttp(address) {
  const at = (key) => `${address}/${createHash('sha256').update(key).digest('hex')}`;
  return {
    get: async (key) => (await (await fetch(at(key))).text()) || undefined,
    set: async (key, value) => void (await fetch(at(key), { method: 'PUT', body: value })),
  };
}
