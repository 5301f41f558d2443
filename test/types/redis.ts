// Checked by the compiler, never run: which clients of Redis, and which buses, the option redis takes.
import { Redis as Ioredis } from 'ioredis';
import { createClient } from 'redis';
import type { ZitadelOptions } from '../../lib/index.js';

const issuer = 'https://acme.zitadel.cloud';
const audience = '1';

/** Right ones. */
export const right = (): readonly ZitadelOptions[] => [
  { issuer, audience, redis: createClient() },
  { issuer, audience, redis: createClient({ url: 'redis://localhost', RESP: 3 }) },
  { issuer, audience, redis: new Ioredis() },
  { issuer, audience, redis: new Ioredis({ keyPrefix: 'app:' }) },
  { issuer, audience, redis: { publish: () => undefined, subscribe: () => undefined } },
  {
    issuer,
    audience,
    redis: {
      publish: (channel: string, message: string) => Promise.resolve([channel, message]),
      subscribe: (channel: string, listener: (message?: string) => void) => {
        listener(channel);
        return () => undefined;
      },
    },
  },
];

/** Wrong ones. */
export const wrong = (): readonly ZitadelOptions[] => [
  // @ts-expect-error an address is no client
  { issuer, audience, redis: 'redis://localhost' },
  // @ts-expect-error nothing listens
  { issuer, audience, redis: { publish: () => undefined } },
  {
    issuer,
    audience,
    // @ts-expect-error a channel is text
    redis: { publish: (channel: number) => channel, subscribe: () => undefined },
  },
];
