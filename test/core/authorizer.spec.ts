import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  allOf,
  anyOf,
  authenticated,
  permission,
  role,
  projectRole,
} from '../../lib/core/requirement/builders.js';
import { org, project } from '../../lib/core/requirement/refs.js';
import type { ZitadelLogger } from '../../lib/core/tell.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { useStillClock } from '../support/still-clock.js';
import { useWorld } from '../support/world.js';
import { decide, recorder, verdict } from '../zitadel/parts.js';
import { settle } from './gate.js';

const world = useWorld();
afterEach(() => world.zitadel.heal());

const tokenOfOwner = () => world.tokens['owner of acme'];
const libraryOf = (options: Partial<ZitadelOptions> = {}): Zitadel =>
  createZitadel(world.zitadel.options({ logger: recorder(), ...options }));

describe('an application whose listener or logger rejects', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', note);
  });
  afterEach(() => void process.off('unhandledRejection', note));

  const reject = () => Promise.reject(new Error('of the application'));

  it('by a listener changes no decision, and nobody has to handle the rejection', async () => {
    const library = libraryOf();
    let heard = 0;
    library.authorizer.onDecision(() => {
      heard += 1;
      return reject();
    });
    library.authorizer.onDecision(async () => {
      await settle();
      throw new Error('later');
    });
    expect(await verdict(library, tokenOfOwner(), authenticated())).toBe('yes');
    expect(await verdict(library, tokenOfOwner(), role('IAM_OWNER'))).toBe('role_missing');
    await settle();
    await settle();
    expect(heard).toBe(2);
    expect(unhandled).toEqual([]);
  });

  it('by a logger changes no decision, and nobody has to handle the rejection', async () => {
    let written = 0;
    const write = () => {
      written += 1;
      return reject();
    };
    const logger = { debug: write, log: write, warn: write, error: write };
    const library = libraryOf({ logger: logger as unknown as ZitadelLogger });
    world.zitadel.fail('memberships', 500);
    expect(await verdict(library, tokenOfOwner(), authenticated())).toBe('unavailable');
    await settle();
    expect(written).toBe(1);
    expect(unhandled).toEqual([]);
  });
});

describe('the budget of a request', () => {
  /** A cold request, each of whose parts takes this many milliseconds at least. */
  async function ask(budgetMs: number, parts: Record<'read' | 'from' | 'lookUp', number>) {
    const timeoutMs = budgetMs;
    const library = libraryOf({ budgetMs, timeoutMs });
    world.zitadel.delay('memberships', parts.read);
    world.zitadel.delay('project', parts.lookUp);
    const readId = () =>
      new Promise<string>((resolve) => {
        setTimeout(resolve, parts.from, world.portal);
      });
    return verdict(library, tokenOfOwner(), role('PROJECT_OWNER', project.from(readId)));
  }

  it.each([
    ['the memberships and .from()', { read: 350, from: 350, lookUp: 0 }],
    ['the memberships and a look-up', { read: 350, from: 0, lookUp: 350 }],
    ['all three', { read: 220, from: 220, lookUp: 220 }],
  ])('is one for %s', async (_what, parts) => {
    expect(await ask(600, parts)).toBe('unavailable');
  });

  it('is enough where all of them fit', async () => {
    expect(await ask(60_000, { read: 50, from: 50, lookUp: 50 })).toBe('yes');
  });
});

describe('the reason of a denial', () => {
  it('is of the part that did not hold, not of one in an anyOf that did', async () => {
    const requirement = allOf(
      anyOf(role('IAM_OWNER'), role('ORG_OWNER', org(world.acme))),
      authenticated({ organizations: ['999'] }),
    );
    expect(await verdict(libraryOf(), tokenOfOwner(), requirement)).toBe(
      'organization_not_accepted',
    );
  });
});

describe('the trouble of one branch of an anyOf', () => {
  it('does not outweigh the yes of another, whatever is remembered', async () => {
    const requirement = anyOf(
      permission('project.write', org(world.acme)),
      role('PROJECT_OWNER', project(world.portal)),
    );
    world.zitadel.fail('permissions', 503);
    const library = libraryOf();
    const token = tokenOfOwner();
    expect(await verdict(library, token, requirement)).toBe('yes');
    expect(await verdict(library, token, requirement)).toBe('yes');
  });

  it('is told where no other branch holds', async () => {
    const requirement = anyOf(
      permission('project.write', org(world.acme)),
      role('PROJECT_OWNER', project('1')),
    );
    world.zitadel.fail('permissions', 503);
    const library = libraryOf();
    expect(await verdict(library, tokenOfOwner(), requirement)).toBe('unavailable');
  });
});

describe('the project of the option projectId', () => {
  it('is not a resource that the request named', async () => {
    const claims = {
      'urn:zitadel:iam:user:resourceowner:id': world.acme,
      [`urn:zitadel:iam:org:project:${world.portal}:roles`]: { editor: { [world.acme]: 'acme' } },
    };
    const token = world.zitadel.tokenFor(world.ids['owner of acme'], { claims });
    const requirement = projectRole('editor', { org: org.param('orgId') });
    const library = libraryOf({ projectId: world.portal });
    const decision = await decide(library, token, requirement, { orgId: world.acme });
    expect(decision).toMatchObject({ allowed: true, checked: [{ kind: 'org', id: world.acme }] });
  });
});

describe('how long the memory says the same', () => {
  useStillClock('performance', 'Date');
  const asked = () => ({ headers: { authorization: `Bearer ${tokenOfOwner()}` } });
  const ttlMs = 30_000;

  it('is as long as the memberships and whatever else the yes rests on', async () => {
    const library = libraryOf({ cache: { ttlMs } });
    const { decisions } = library;
    const byRole = decisions.prepare(role('ORG_OWNER', world.acme));
    const byPermission = decisions.prepare(permission('project.read', org(world.acme)));
    expect(decisions.leftMs(asked(), byRole)).toBe(0);
    await decisions.authorize(asked(), byRole);
    expect(decisions.leftMs(asked(), byRole)).toBe(ttlMs);
    vi.advanceTimersByTime(10_000);
    expect(await decisions.authorize(asked(), byPermission)).toMatchObject({ allowed: true });
    expect(decisions.leftMs(asked(), byPermission)).toBe(20_000);
    vi.advanceTimersByTime(20_000);
    expect(decisions.leftMs(asked(), byPermission)).toBe(0);
    // The memberships are new now, and the permission is not.
    await decisions.authorize(asked(), byRole);
    await decisions.authorize(asked(), byPermission);
    expect(decisions.leftMs(asked(), byPermission)).toBe(10_000);
    expect(decisions.leftMs(asked(), byRole)).toBe(ttlMs);
  });

  it('is over with an eviction', async () => {
    const { decisions } = libraryOf({ cache: { ttlMs } });
    const byRole = decisions.prepare(role('ORG_OWNER', world.acme));
    for (const evict of [
      () => decisions.evict({ type: 'user', userId: world.ids['owner of acme'] }),
      () => decisions.evict({ type: 'everyone' }),
    ]) {
      await decisions.authorize(asked(), byRole);
      expect(decisions.leftMs(asked(), byRole)).toBe(ttlMs);
      await evict();
      expect(decisions.leftMs(asked(), byRole)).toBe(0);
    }
  });
});

describe('what never lets anybody in', () => {
  it('is the empty id, whatever the pattern allows', async () => {
    const library = libraryOf({ idPattern: /[0-9]*/ });
    const requirement = role('ORG_OWNER', org.param('orgId'));
    const decision = await decide(library, tokenOfOwner(), requirement, { orgId: '' });
    expect(decision).toMatchObject({ allowed: false, reason: 'resource_invalid' });
  });

  it.each([null, true, 1, {}])('is a claim that names no domain but %j', async (domain) => {
    const claims = {
      'urn:zitadel:iam:user:resourceowner:id': world.acme,
      [`urn:zitadel:iam:org:project:${world.portal}:roles`]: { editor: { [world.acme]: domain } },
    };
    const token = world.zitadel.tokenFor(world.ids['owner of acme'], { claims });
    const requirement = projectRole('editor', { project: world.portal, org: world.acme });
    expect(await verdict(libraryOf(), token, requirement)).toBe('project_role_missing');
  });
});
