import { describe, expect, it } from 'vitest';
import { ZitadelArgumentError } from '../../../lib/core/errors.js';
import { createZitadel } from '../../../lib/create-zitadel.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import type { EnsuredGrant, WantedGrant } from '../../../lib/zitadel/grants/ensure.js';
import {
  ensureEach,
  type EnsureManyOptions,
  type GrantProgress,
  requireMany,
} from '../../../lib/zitadel/grants/ensure-many.js';
import { ZitadelApiError, ZitadelUnavailableError } from '../../../lib/zitadel/refusals.js';
import { gate, type Gate, settle } from '../../core/gate.js';
import { useEmulator } from '../../support/world.js';
import { errorOf, recorder } from '../parts.js';

const wanted = (grantedOrgId: string, ...roleKeys: string[]): WantedGrant => ({
  projectId: 'portal',
  grantedOrgId,
  roleKeys,
});
const DONE: EnsuredGrant = { roleKeys: [], state: 'active', outcome: 'created' };
const gone = () => new ZitadelUnavailableError('Ensure Project Grant', 'ZITADEL does not answer');

/** An `ensure` whose grants are over when the test says so, and what it has begun so far. */
function heldEnsure() {
  const begun: WantedGrant[] = [];
  const gates: Gate<EnsuredGrant>[] = [];
  const ensure = (grant: WantedGrant): Promise<EnsuredGrant> => {
    begun.push(grant);
    const end = gate<EnsuredGrant>();
    gates.push(end);
    return end.passed;
  };
  return {
    ensure,
    orgs: () => begun.map(({ grantedOrgId }) => grantedOrgId).join(''),
    roles: () => begun.map(({ roleKeys }) => roleKeys.join()).join(' '),
    /** Ends the one that began so late, from 0. */
    async end(at: number, error?: Error): Promise<void> {
      if (error) gates[at]?.fail(error);
      else gates[at]?.open(DONE);
      await settle();
    },
  };
}

/** Runs in the background. `said` is what it told so far. */
function start(
  ensure: (grant: WantedGrant) => Promise<EnsuredGrant>,
  grants: readonly WantedGrant[],
  options: EnsureManyOptions = {},
  turns = new Map<string, Promise<unknown>>(),
) {
  const said: GrantProgress[] = [];
  const run = ensureEach(requireMany(grants, options), ensure, turns);
  const over = (async () => {
    for await (const progress of run) said.push(progress);
  })();
  return { said, over, run, turns };
}

const orgsOf = (said: readonly GrantProgress[]) =>
  said.map(({ wanted: { grantedOrgId } }) => grantedOrgId).join('');

describe('many grants', () => {
  it.each([
    [undefined, 4],
    [1, 1],
    [8, 8],
  ])('are under way at once as told: with concurrency %s, %d', async (concurrency, most) => {
    const held = heldEnsure();
    const names = [...'abcdefghij'];
    const options = concurrency === undefined ? {} : { concurrency };
    const { said, over } = start(
      held.ensure,
      names.map((org) => wanted(org)),
      options,
    );
    await settle();
    for (let ended = 0; ended < names.length; ended += 1) {
      expect(held.orgs()).toHaveLength(Math.min(names.length, most + ended));
      await held.end(ended);
      expect(said).toHaveLength(ended + 1);
    }
    await over;
    expect(held.orgs()).toBe('abcdefghij');
    expect(said.map(({ done, total }) => `${done}/${total}`)).toEqual(
      names.map((_, at) => `${at + 1}/10`),
    );
  });

  it('are told as they end, also while an earlier one hangs', async () => {
    const held = heldEnsure();
    const list = [...'abcd'].map((org) => wanted(org));
    const { said, over } = start(held.ensure, list, { concurrency: 2 });
    await settle();
    for (const at of [1, 2, 3]) await held.end(at);
    expect(orgsOf(said)).toBe('bcd');
    await held.end(0);
    await over;
    expect(said.map((each) => each.wanted)).toEqual([list[1], list[2], list[3], list[0]]);
    expect(said.every(({ ensured }) => ensured === DONE)).toBe(true);
  });

  it('begin no more once nobody listens, and end what has begun', async () => {
    const held = heldEnsure();
    const grants = [...'abcdef'].map((org) => wanted(org));
    const turns = new Map<string, Promise<unknown>>();
    const run = ensureEach(requireMany(grants, { concurrency: 2 }), held.ensure, turns);
    const first = run.next();
    await settle();
    await held.end(0);
    expect((await first).value).toMatchObject({ done: 1, total: 6 });
    await run.return();
    expect(held.orgs()).toBe('ab');
    await held.end(1);
    expect(held.orgs()).toBe('ab');
    // Nothing of it is kept.
    expect(turns.size).toBe(0);
  });

  it('begin none that waits for its turn once nobody listens', async () => {
    const held = heldEnsure();
    const grants = [wanted('a', 'one'), wanted('b'), wanted('a', 'other')];
    const run = ensureEach(requireMany(grants, { concurrency: 3 }), held.ensure, new Map());
    const first = run.next();
    await settle();
    await held.end(1);
    await first;
    await run.return();
    await held.end(0);
    expect(held.orgs()).toBe('ab');
  });

  it.each([1, 2, 8])('with the same ends take turns, %d at once', async (concurrency) => {
    const held = heldEnsure();
    const grants = ['one', 'two', 'three'].map((role) => wanted('a', role));
    const { said, over } = start(held.ensure, grants, { concurrency });
    for (const [at, roles] of ['one', 'one two', 'one two three'].entries()) {
      await settle();
      expect(held.roles()).toBe(roles);
      await held.end(at);
    }
    await over;
    expect(said.map((each) => each.wanted)).toEqual(grants);
  });

  it('with the same ends take turns also if two runs are at them', async () => {
    const held = heldEnsure();
    const { turns, over } = start(held.ensure, [wanted('a', 'one')]);
    const other = start(held.ensure, [wanted('a', 'two')], {}, turns);
    await settle();
    expect(held.roles()).toBe('one');
    await held.end(0, gone());
    await settle();
    expect(held.roles()).toBe('one two');
    await held.end(1);
    await Promise.all([over, other.over]);
    expect(turns.size).toBe(0);
  });

  it('fail each for itself, and the others go on', async () => {
    const trouble = new Map<string, unknown>([
      ['a', new ZitadelApiError(404, 'COMMAND-3m9gg', 'check grantedOrgId', 'Add Project Grant')],
      ['b', gone()],
      ['c', gone()],
      // Two in a row again: a reply came between, and so does trouble of another kind.
      ['e', gone()],
      ['f', gone()],
      ['g', new Error('projectOwner threw')],
      ['h', gone()],
    ]);
    const { said, over } = start(
      ({ grantedOrgId }) =>
        trouble.has(grantedOrgId)
          ? // What a function of the application throws need not be an error.
            Promise.reject(trouble.get(grantedOrgId) as Error)
          : Promise.resolve(DONE),
      [...'abcdefghi'].map((org) => wanted(org)),
      { concurrency: 1 },
    );
    await over;
    const told = said.map((each) => [each.wanted.grantedOrgId, each.error]);
    expect(told).toEqual([...'abcdefghi'].map((org) => [org, trouble.get(org)]));
    expect(said.filter(({ ensured }) => ensured)).toHaveLength(2);
  });

  it.each([
    [1, 3],
    [4, 6],
  ])('stop asking in an outage: %d at once, %d begin', async (concurrency, begun) => {
    const held = heldEnsure();
    const grants = Array.from({ length: 100 }, (_, at) => wanted(`${at};`));
    const { said, over } = start(held.ensure, grants, { concurrency });
    const errors = Array.from({ length: begun }, gone);
    await settle();
    for (const [at, error] of errors.entries()) await held.end(at, error);
    await over;
    expect(held.orgs().split(';')).toHaveLength(begun + 1);
    expect(said).toHaveLength(100);
    expect(said.every(({ error }) => error instanceof ZitadelUnavailableError)).toBe(true);
    // Those that did not begin fail with the last error of those that did.
    expect(said.filter(({ error }) => error === errors[2]).length).toBeGreaterThan(90);
  });

  it('are none where the list is empty', async () => {
    const held = heldEnsure();
    const { said, over } = start(held.ensure, []);
    await over;
    expect(said).toEqual([]);
  });
});

describe('ensureMany of the service', async () => {
  const zitadel = await useEmulator();
  const acme = zitadel.addOrg('acme');
  const granter = zitadel.addServiceUser('granter', { org: acme });
  zitadel.addMember(granter, { org: acme }, ['ORG_OWNER']);
  const orgs = Array.from({ length: 12 }, (_, at) => zitadel.addOrg(`partner ${at}`));
  const { projectGrants } = createZitadel(
    zitadel.options({ serviceUser: pat(zitadel.patFor(granter)), logger: recorder() }),
  );

  const manyOf = (roleKeys: readonly string[], name: string) => {
    const { id } = zitadel.addProject(name, { org: acme, roles: ['reader', 'writer'] });
    return orgs.map((org) => ({
      organizationId: acme.id,
      projectId: id,
      grantedOrgId: org.id,
      roleKeys,
    }));
  };
  async function all(run: AsyncIterable<GrantProgress>): Promise<GrantProgress[]> {
    const said: GrantProgress[] = [];
    for await (const progress of run) said.push(progress);
    return said;
  }
  const outcomes = (said: readonly GrantProgress[]) =>
    new Set(said.map(({ ensured }) => ensured?.outcome));

  it('grants to each, and changes nothing when it is run again', async () => {
    const grants = manyOf(['reader'], 'portal');
    const run = projectGrants.ensureMany(grants);
    expect(zitadel.requests()).toBe(0);
    const said = await all(run);
    expect(outcomes(said)).toEqual(new Set(['created']));
    expect(new Set(said.map(({ wanted: each }) => each))).toEqual(new Set(grants));
    expect(zitadel.requests('addGrant')).toBe(12);
    expect(outcomes(await all(run))).toEqual(new Set(['unchanged']));
    expect(zitadel.requests('addGrant')).toBe(12);
  });

  it('says beside each grant what is wrong with it', async () => {
    const [first, second, third, ...others] = manyOf(['reader'], 'tools');
    const said = await all(
      projectGrants.ensureMany([
        { ...first, grantedOrgId: '../1' } as WantedGrant,
        { ...second, grantedOrgId: acme.id } as WantedGrant,
        { ...third, roleKeys: ['nonsense'] } as WantedGrant,
        ...others,
      ]),
    );
    const codes = said.flatMap(({ error }) => (error ? [error] : []));
    expect(codes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ code: 'argument_invalid', argument: 'grantedOrgId' }),
        expect.objectContaining({ id: 'PROJECT-ckUpbvboAH' }),
        expect.objectContaining({ id: 'COMMAND-6m9gd' }),
      ]),
    );
    expect(codes).toHaveLength(3);
    expect(said.filter(({ ensured }) => ensured?.outcome === 'created')).toHaveLength(9);
  });

  it.each<[string, string, unknown, EnsureManyOptions?]>([
    ['what is no list', 'wanted', undefined],
    ['a list of what is no grant', 'wanted', [null]],
    ['none at once', 'concurrency', [], { concurrency: 0 }],
    ['too many at once', 'concurrency', [], { concurrency: 9 }],
    ['a part of one', 'concurrency', [], { concurrency: 1.5 }],
  ])('refuses %s before anything is sent', async (_what, argument, list, options) => {
    const asked = (async () => all(projectGrants.ensureMany(list as WantedGrant[], options)))();
    expect(await errorOf(asked)).toMatchObject({ argument });
    await expect(asked).rejects.toThrow(ZitadelArgumentError);
    expect(zitadel.requests()).toBe(0);
  });
});
