import { describe, expect, it } from 'vitest';
import { checkedFile } from './case.js';
import { express5Door } from './doors/express.js';
import { functionDoor } from './doors/function.js';
import { groups, runCorpus, through } from './run.js';
import { CorpusWorld } from './world.js';

describe('the corpus', () => {
  it('is answered as it says, by the data path and over HTTP', async () => {
    const { cases, results, differences } = await runCorpus([functionDoor, express5Door]);
    expect(differences).toEqual([]);
    expect(cases).toBeGreaterThanOrEqual(300);
    expect(results).toBeGreaterThan(cases);
  });

  it('notices an answer, a row and an id that differ', async () => {
    const group = groups().find(({ options }) => Object.keys(options).length === 0);
    const right = group?.cases.find(({ by, checked }) => by === 'org:acme' && checked?.['orgId']);
    if (!group || !right) throw new Error('no such case');
    const { by: _, checked: __, ...rest } = right;
    const world = await CorpusWorld.create(group.world, group.options);
    try {
      const wrong = [
        { ...rest, gets: 'role_missing' as const },
        { ...right, by: 'org:initech' },
        { ...right, checked: { orgId: '1' } },
      ];
      const { differences } = await through(functionDoor, world, wrong);
      // The first differs in what the client hears, in the decision, and in that a handler ran.
      expect(differences.map(({ expected }) => expected)).toEqual([
        'role_missing',
        'role_missing',
        'ran 0',
        expect.stringContaining('org,'),
        'orgId=1',
      ]);
    } finally {
      await world.stop();
    }
  });
});

describe('a file of the corpus', () => {
  const GOOD = { says: 'an owner', asks: { role: 'ORG_OWNER', org: ':orgId' }, gets: 'allowed' };
  const fileOf = (...cases: unknown[]) => ({ about: 'x', world: 'tenants', cases });

  it('is taken as it is', () => {
    expect(checkedFile('x.json', fileOf(GOOD)).cases).toEqual([GOOD]);
  });

  it.each([
    ['a list', [], 'x.json: must be an object'],
    ['without a world', { cases: [] }, 'x.json: world is the name of a file in worlds'],
    ['without cases', { world: 'tenants' }, 'x.json: cases is a list'],
    ['with a stray name', { ...fileOf(), more: 1 }, 'x.json: more is not known'],
    ['with a stray option', { ...fileOf(), options: { ttl: 1 } }, 'x.json: options: ttl is not'],
    ['with a stray name in a case', fileOf({ ...GOOD, get: 1 }), 'case 1 (an owner): get is not'],
    ['without a sentence', fileOf({ ...GOOD, says: '' }), 'case 1 (): says is a sentence'],
    [
      'with a code that is none',
      fileOf({ ...GOOD, gets: 'no' }),
      "gets is 'allowed' or a DenyReas",
    ],
    ['with a token that is none', fileOf({ ...GOOD, token: 'stale' }), 'token is one of: good, no'],
    ['with two requirements', fileOf({ ...GOOD, asks: { anyOf: [], allOf: [] } }), 'asks: one of'],
    ['with a tree that is none', fileOf({ ...GOOD, asks: { anyOf: {} } }), 'anyOf is a list'],
    [
      'with a stray name in a tree',
      fileOf({ ...GOOD, asks: { anyOf: [{ role: 'IAM_OWNER', orgs: '1' }] } }),
      'asks.anyOf[0]: orgs is not known',
    ],
    ['that says one thing twice', fileOf(GOOD, GOOD), 'two cases say "an owner"'],
    [
      'that checks where nothing is allowed',
      fileOf({ ...GOOD, gets: 'role_missing', checked: {} }),
      'checked and by stand where it is allowed',
    ],
  ])('%s is refused, and it is told why', (_, content, text) => {
    expect(() => checkedFile('x.json', content)).toThrow(text);
  });
});
