import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { authenticated, role } from '../../lib/core/requirement/builders.js';
import type { ZitadelLogger } from '../../lib/core/tell.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import { ZitadelEmulator } from '../../lib/testing/index.js';
import { settle } from './gate.js';
import { recorder, verdict } from '../zitadel/parts.js';

let zitadel: ZitadelEmulator;
let token: string;
const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  token = zitadel.tokenFor(zitadel.addUser('alice'));
});
afterAll(() => zitadel.stop());
beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', note);
});
afterEach(() => {
  process.off('unhandledRejection', note);
  zitadel.heal();
});

const reject = () => Promise.reject(new Error('of the application'));

describe('a listener that rejects', () => {
  it('changes no decision, and its rejection is nobody’s to handle', async () => {
    const library = createZitadel(zitadel.options({ logger: recorder() }));
    let heard = 0;
    library.authorizer.onDecision(() => {
      heard += 1;
      return reject();
    });
    library.authorizer.onDecision(async () => {
      await settle();
      throw new Error('later');
    });
    expect(await verdict(library, token, authenticated())).toBe('yes');
    expect(await verdict(library, token, role('IAM_OWNER'))).toBe('role_missing');
    await settle();
    await settle();
    expect(heard).toBe(2);
    expect(unhandled).toEqual([]);
  });
});

describe('a logger that rejects', () => {
  it('changes no decision, and its rejection is nobody’s to handle', async () => {
    let written = 0;
    const write = () => {
      written += 1;
      return reject();
    };
    const logger = { debug: write, log: write, warn: write, error: write };
    const library = createZitadel(zitadel.options({ logger: logger as unknown as ZitadelLogger }));
    zitadel.fail('memberships', 500);
    expect(await verdict(library, token, authenticated())).toBe('unavailable');
    await settle();
    expect(written).toBe(1);
    expect(unhandled).toEqual([]);
  });
});
