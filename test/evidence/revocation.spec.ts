import { describe } from 'vitest';
import { redisIsHere } from '../support/redis.js';
import { holds } from '../support/short-form.js';
import * as hard from './revocation-hard.js';
import * as soft from './revocation-soft.js';

describe.runIf(redisIsHere)('with Redis', () => {
  holds('revocation-hard', hard);
  holds('revocation-soft', soft);
});
