// Checked by the compiler, never run: what the doubles of the guard take.
import type { CanActivate } from '@nestjs/common';
import type { RequestHandler } from 'express';
import { denyAs, guardAs } from '../../lib/testing/index.js';

/** Right ones. */
export const right = (): readonly CanActivate[] => [
  guardAs({ userId: 'alice' }),
  guardAs({ userId: 'alice', claims: { email: 'alice@acme.example' } }, { org: '1' }),
  guardAs({ userId: 'alice' }, { org: { sellerId: '1', buyerId: '2' }, project: '3' }),
  denyAs('role_missing'),
];

/** In Express. */
export const middlewares = (): readonly RequestHandler[] => [
  guardAs({ userId: 'alice' }).middleware,
  denyAs('unavailable').middleware,
];

/** Wrong ones. */
export const wrong = (): readonly CanActivate[] => [
  // @ts-expect-error nobody
  guardAs(),
  // @ts-expect-error no user id
  guardAs({ claims: {} }),
  // @ts-expect-error an id is a text
  guardAs({ userId: 1 }),
  // @ts-expect-error there is no such kind
  guardAs({ userId: 'alice' }, { orgId: '1' }),
  // @ts-expect-error there is no such reason
  denyAs('role_misssing'),
];
