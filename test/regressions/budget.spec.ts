import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { role } from '../../lib/core/requirement/builders.js';
import { project } from '../../lib/core/requirement/refs.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import { type Project, ZitadelEmulator } from '../../lib/testing/index.js';
import { recorder, verdict } from '../zitadel/parts.js';

let zitadel: ZitadelEmulator;
let portal: Project;
let token: string;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  const acme = zitadel.addOrg('acme');
  portal = zitadel.addProject('portal', { org: acme });
  const alice = zitadel.addUser('alice');
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
  token = zitadel.tokenFor(alice);
});
afterAll(() => zitadel.stop());
afterEach(() => zitadel.heal());

/** A cold request, each of whose parts takes this many milliseconds at least. */
async function ask(budgetMs: number, parts: Record<'read' | 'from' | 'lookUp', number>) {
  const timeoutMs = budgetMs;
  const library = createZitadel(zitadel.options({ logger: recorder(), budgetMs, timeoutMs }));
  zitadel.delay('memberships', parts.read);
  zitadel.delay('project', parts.lookUp);
  const readId = () =>
    new Promise<string>((resolve) => {
      setTimeout(resolve, parts.from, portal.id);
    });
  return verdict(library, token, role('PROJECT_OWNER', project.from(readId)));
}

describe('the budget of a request', () => {
  it.each([
    ['the memberships and .from()', { read: 350, from: 350, lookUp: 0 }],
    ['the memberships and a look-up', { read: 350, from: 0, lookUp: 350 }],
    ['all three', { read: 220, from: 220, lookUp: 220 }],
  ])('is one for %s', async (_what, parts) => {
    expect(await ask(600, parts)).toBe('unavailable');
  });

  it('is enough where all of them fit', async () => {
    expect(await ask(5_000, { read: 50, from: 50, lookUp: 50 })).toBe('yes');
  });
});
