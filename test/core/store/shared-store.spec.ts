import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Membership } from '../../../lib/core/caller.js';
import type { Stored } from '../../../lib/core/store/envelope.js';
import { SharedStore } from '../../../lib/core/store/shared-store.js';
import type { SharedCache } from '../../../lib/core/store/signed-cache.js';
import {
  HELD_PERMISSIONS,
  GIVEN_ROLES,
  MEMBERSHIPS,
} from '../../../lib/core/memory/caller-kinds.js';
import { settle } from '../gate.js';
import { orgRow } from '../rows.js';
import { MemoryStore } from './memory-store.js';

const SECRET = 'a secret of more than thirty-two characters';
const KEY = 'the key';
const TTL_MS = 30_000;
const SCOPE = ['v1', 'https://acme.example'];

let cache: MemoryStore;

beforeEach(() => {
  cache = new MemoryStore();
});

function storeOf(secret: string | false = SECRET, scope: readonly string[] = SCOPE): SharedStore {
  return new SharedStore(cache, secret, scope, TTL_MS);
}

/** Evicts a user, or everyone. */
function evict(userId?: string, store = storeOf()): Promise<unknown> {
  return store.evict(userId === undefined ? 'everyone' : { userId }, store.stamp());
}

function stored(more: Partial<Stored<readonly Membership[]>> = {}): Stored<readonly Membership[]> {
  const fetchedAt = Date.now();
  return { value: [orgRow('alice', '1')], fetchedAt, expiresAt: fetchedAt + 30_000, ...more };
}

/** Writes as a cache does: after a read, in the epochs that it told. */
async function write(
  store = storeOf(),
  key = KEY,
  userId = 'alice',
  what = stored({ value: [orgRow(userId, '1')] }),
): Promise<void> {
  await store.write(MEMBERSHIPS, key, userId, await epochsOf(store, userId), what);
}

/** The epochs in which a user's values can be stored, as a cache learns them before it asks ZITADEL. */
async function epochsOf(store: SharedStore, userId: string) {
  const { epochs: found, until } = await store.read(MEMBERSHIPS, KEY, userId);
  const epochs = found && (await store.begin(userId, found, until));
  if (!epochs) throw new Error('the store did not take the epochs');
  return epochs;
}

/** The one stored value, and the key under which it lies. */
function lying(): { readonly name: string; readonly sealed: string; readonly text: string } {
  const [name = ''] = cache.rowKeys();
  const sealed = String(cache.entries.get(name)?.value);
  return { name, sealed, text: sealed.slice(sealed.indexOf('.') + 1) };
}

/** As somebody who knows the secret would, wherever it was lost. */
const sign = (text: string, secret = SECRET) =>
  `${createHmac('sha256', secret).update(text).digest('base64url')}.${text}`;

function put(value: unknown, name = lying().name): void {
  cache.entries.set(name, { value, until: Infinity });
}

const found = async (store = storeOf()) => (await store.read(MEMBERSHIPS, KEY, 'alice')).stored;

describe('what one process stored', () => {
  it('is found by another one with the same secret and scope', async () => {
    const what = stored();
    await write(storeOf(), KEY, 'alice', what);
    expect(await found()).toMatchObject(what);
  });

  it('is no longer than it may be used in the store', async () => {
    await write(storeOf(), KEY, 'alice', stored({ expiresAt: Date.now() + 1_000 }));
    const { until = 0 } = cache.entries.get(lying().name) ?? {};
    expect(until).toBeLessThanOrEqual(Date.now() + 1_000);
  });

  it.each([0, -1, Number.NaN])('is not stored with %d ms left', async (left) => {
    await write(storeOf(), KEY, 'alice', stored({ expiresAt: Date.now() + left }));
    expect(cache.rowKeys()).toEqual([]);
  });

  it.each<[string, () => SharedStore]>([
    ['another secret', () => storeOf('another secret of more than 32 characters')],
    ['no secret', () => storeOf(false)],
    ['another scope', () => storeOf(SECRET, ['v1', 'https://globex.example'])],
    ['a scope of other parts', () => storeOf(SECRET, ['v1,https://acme.example'])],
    ['a longer scope', () => storeOf(SECRET, [...SCOPE, ''])],
  ])('is a miss for %s', async (_what, other) => {
    await write();
    expect(await found(other())).toBeUndefined();
  });

  it('is a miss under another key, and for another user', async () => {
    await write();
    expect((await storeOf().read(MEMBERSHIPS, 'another key', 'alice')).stored).toBeUndefined();
    expect((await storeOf().read(MEMBERSHIPS, KEY, 'bob')).stored).toBeUndefined();
  });

  it('says neither the secret nor the key nor the user in the keys of the store', async () => {
    await write(storeOf(), 'the-token-digest', 'alice');
    await evict('alice');
    expect(cache.entries.size).toBe(5);
    for (const key of cache.entries.keys()) {
      expect(key).toMatch(
        /^nestjs-zitadel:1:(rows|epoch( of (all|organizations?))?):[A-Za-z0-9_-]{43}$/,
      );
    }
  });
});

describe('a poisoned value', () => {
  const now = Date.now();
  const envelope = (more: Readonly<Record<string, unknown>>) => (text: string) =>
    sign(JSON.stringify({ ...(JSON.parse(text) as object), ...more }));
  const without = (name: string) => (text: string) => {
    const { [name]: _gone, ...rest } = JSON.parse(text) as Record<string, unknown>;
    return sign(JSON.stringify(rest));
  };
  const rowWith = (more: Readonly<Record<string, unknown>>) =>
    envelope({ rows: [{ ...orgRow('alice', '1'), ...more }] });
  const owner = { kind: 'instance', id: '', roles: ['IAM_OWNER'] };

  const poison: readonly [string, (text: string, sealed: string) => unknown][] = [
    // Not a text, or not one of ours.
    ['null', () => null],
    ['true', () => true],
    ['a number', () => 1],
    ['an object', (text) => JSON.parse(text) as unknown],
    ['an envelope of another store', (text) => ({ value: JSON.parse(text) as unknown })],
    ['a list', (_text, sealed) => [sealed]],
    ['bytes', (_text, sealed) => Buffer.from(sealed)],
    ['a promise of nothing', () => Promise.resolve(undefined)],
    ['an empty text', () => ''],
    ['a dot', () => '.'],
    ['a page', () => '<!doctype html>'],
    // Not signed, or not by us.
    ['the text without a signature', (text) => text],
    ['the text with an empty signature', (text) => `.${text}`],
    ['a short signature', (_text, sealed) => sealed.slice(1)],
    ['a signature of zeros', (text) => `${'A'.repeat(43)}.${text}`],
    [
      'a signature in hex',
      (text) => `${createHmac('sha256', SECRET).update(text).digest('hex')}.${text}`,
    ],
    ['another secret', (text) => sign(text, 'x'.repeat(40))],
    ['an empty secret', (text) => sign(text, '')],
    ['one bit more', (_text, sealed) => `${sealed} `],
    ['one role more', (_text, sealed) => sealed.replace('ORG_OWNER', 'IAM_OWNER')],
    ['half of it', (_text, sealed) => sealed.slice(0, sealed.length / 2)],
    ['it twice', (_text, sealed) => sealed + sealed],
    ['other case', (_text, sealed) => sealed.toLowerCase()],
    // Signed, by somebody who got hold of the secret, or by another version.
    ['no JSON', () => sign('{')],
    ['JSON null', () => sign('null')],
    ['a JSON list', () => sign('[]')],
    ['a JSON text', () => sign('"x"')],
    ['an empty object', () => sign('{}')],
    ['another version', envelope({ v: 1 })],
    ['a version that is a text', envelope({ v: '2' })],
    ['no version', without('v')],
    ['no key', without('key')],
    ['another key', envelope({ key: `nestjs-zitadel:1:rows:${'A'.repeat(43)}` })],
    ['a list as the key', envelope({ key: ['x'] })],
    ['no user', without('userId')],
    ['another user', envelope({ userId: 'bob', rows: [orgRow('bob', '1')] })],
    ['no epochs', without('epochs')],
    ['epochs that are a text', envelope({ epochs: 'x' })],
    ['epochs that are nothing', envelope({ epochs: {} })],
    ['other epochs', envelope({ epochs: { everyone: 'x', user: 'x', anyOrganization: 'x' } })],
    ['organizations that are an object', envelope({ organizations: {} })],
    ['organizations without epochs', envelope({ organizations: [['1']] })],
    [
      'too many organizations',
      envelope({ organizations: Array.from({ length: 101 }, () => ['1', 'x']) }),
    ],
    ['no time', without('fetchedAt')],
    ['a time of the future', envelope({ fetchedAt: now + 3_600_000, expiresAt: now + 7_200_000 })],
    ['a time that is a text', envelope({ fetchedAt: String(now) })],
    ['a time that is null', envelope({ fetchedAt: null })],
    ['time 0', envelope({ fetchedAt: 0 })],
    ['a negative time', envelope({ fetchedAt: -1 })],
    ['no end', without('expiresAt')],
    ['an end that is a text', envelope({ expiresAt: 'zzz' })],
    ['an end that has come', envelope({ expiresAt: now - 1 })],
    ['an end before the beginning', envelope({ fetchedAt: now + 4_000, expiresAt: now + 3_000 })],
    ['an endless number', (text) => sign(text.replace(/"expiresAt":\d+/, '"expiresAt":1e999'))],
    ['no rows', without('rows')],
    ['rows that are an object', envelope({ rows: { length: 0 } })],
    ['a row that is null', envelope({ rows: [null] })],
    ['a row that is a list', envelope({ rows: [[]] })],
    ['a row of another user', rowWith({ userId: 'bob' })],
    ['a row of nobody', rowWith({ userId: '' })],
    ['a row of an unknown kind', rowWith({ kind: 'system' })],
    ['a row of a kind that every object has', rowWith({ kind: 'constructor' })],
    ['a row without a kind', rowWith({ kind: undefined })],
    ['a row with a number as id', rowWith({ id: 1 })],
    ['a row without an id', rowWith({ id: '' })],
    ['a row whose roles are a text', rowWith({ roles: 'IAM_OWNER' })],
    ['a row with roles that are no texts', rowWith({ roles: [1, null, ['IAM_OWNER']] })],
    ['a row with an owner that is no text', rowWith({ ownerOrgId: {} })],
    ['a row with an empty owner', rowWith({ ownerOrgId: '' })],
    [
      'one wrong row among right ones',
      envelope({ rows: [orgRow('alice', '1'), { ...owner, userId: 'bob' }] }),
    ],
    ['what comes by the prototype', (text) => sign(text.replace('"rows":', '"__proto__":'))],
    ['a deep hole', () => sign('['.repeat(100_000) + ']'.repeat(100_000))],
    ['fifty megabytes', () => 'x'.repeat(50 * 2 ** 20)],
  ];

  it('is one of at least 40 kinds', () => {
    expect(new Set(poison.map(([what]) => what)).size).toBe(poison.length);
    expect(poison.length).toBeGreaterThanOrEqual(40);
  });

  it.each(poison)('%s is a miss', async (_what, bend) => {
    await write();
    const { text, sealed } = lying();
    put(bend(text, sealed));
    const read = await storeOf().read(MEMBERSHIPS, KEY, 'alice');
    expect(read.stored).toBeUndefined();
    // The store itself answered: what is read next may be stored over it.
    expect(read.epochs).toBeDefined();
  });

  it('is told from a right one: the value as it was written is found', async () => {
    await write();
    const { text, sealed } = lying();
    expect(sign(text)).toBe(sealed);
    put(sealed);
    expect(await found()).toBeDefined();
  });

  it('copied from another user’s key is a miss', async () => {
    await write(
      storeOf(),
      'bob’s key',
      'bob',
      stored({ value: [{ ...owner, userId: 'bob' } as never] }),
    );
    const { sealed: ofBob, name } = lying();
    cache.entries.delete(name);
    await write();
    put(ofBob);
    expect(await found()).toBeUndefined();
  });

  it('copied from the same user’s other key is a miss', async () => {
    await write(storeOf(), 'other organizations', 'alice');
    const { sealed: other, name } = lying();
    cache.entries.delete(name);
    await write();
    put(other);
    expect(await found()).toBeUndefined();
  });

  it('without a signature counts only where the application says that it trusts the store', async () => {
    const trusting = storeOf(false);
    await write(trusting);
    expect(lying().sealed.startsWith('{')).toBe(true);
    expect(await found(trusting)).toBeDefined();
    put('{}');
    expect(await found(trusting)).toBeUndefined();
  });
});

describe('stored permissions', () => {
  const ids = [KEY, 'alice'] as const;
  const held = ['project.read', 'project.write:123'];
  const readHeld = async () => (await storeOf().read(HELD_PERMISSIONS, ...ids)).stored;

  beforeEach(async () => {
    const epochs = await epochsOf(storeOf(), 'alice');
    const fetchedAt = Date.now();
    const what = { value: held, fetchedAt, expiresAt: fetchedAt + TTL_MS };
    await storeOf().write(HELD_PERMISSIONS, ...ids, epochs, what);
  });

  /** Seals another value in the place of the right one. */
  const bend = (value: unknown) => {
    for (const [name, entry] of cache.entries) {
      const sealed = String(entry.value);
      if (!sealed.includes('project.write:123')) continue;
      const envelope = JSON.parse(sealed.slice(sealed.indexOf('.') + 1)) as object;
      put(sign(JSON.stringify({ ...envelope, permissions: value })), name);
    }
  };

  it('are found as they were written, also where they are sealed again', async () => {
    expect((await readHeld())?.value).toEqual(held);
    bend(['project.read']);
    expect((await readHeld())?.value).toEqual(['project.read']);
  });

  it('are no memberships, and memberships are no permissions', async () => {
    expect(await found()).toBeUndefined();
    await write();
    expect((await readHeld())?.value).toEqual(held);
    expect(Array.isArray((await found())?.value)).toBe(true);
  });

  it('are a miss for another user', async () => {
    expect((await storeOf().read(HELD_PERMISSIONS, KEY, 'bob')).stored).toBeUndefined();
  });

  it.each([
    ['nothing', null],
    ['one text', 'project.read'],
    ['an object', { 0: 'project.read', length: 1 }],
    ['a number among them', ['project.read', 1]],
    ['a list in the list', [['project.read']]],
    ['rows', [orgRow('alice', '1')]],
    ['nothing among them', ['project.read', null]],
  ])('are a miss where they are %s', async (_what, value) => {
    bend(value);
    expect(await readHeld()).toBeUndefined();
  });
});

describe('stored project roles', () => {
  it.each([
    ['a home, an owner and roles', ['1', '2', 'editor'], true],
    ['a home and an owner', ['1', '2'], true],
    ['a home alone', ['1'], false],
    ['nothing', [], false],
    ['a text', 'editor', false],
    ['a number', ['1', '2', 3], false],
  ])('are read back where they are %s: %o', async (_what, value, isRead) => {
    const epochs = await epochsOf(storeOf(), 'alice');
    const fetchedAt = Date.now();
    const what = { value: value as string[], fetchedAt, expiresAt: fetchedAt + TTL_MS };
    await storeOf().write(GIVEN_ROLES, KEY, 'alice', epochs, what);
    const { stored } = await storeOf().read(GIVEN_ROLES, KEY, 'alice');
    expect(stored?.value).toEqual(isRead ? value : undefined);
    expect((await storeOf().read(HELD_PERMISSIONS, KEY, 'alice')).stored).toBeUndefined();
  });
});

describe('an eviction', () => {
  it('makes everything of the user a miss, whoever stored it, and of nobody else', async () => {
    await write(storeOf(), 'one', 'alice');
    await write(storeOf(), 'other', 'alice');
    await write(storeOf(), 'bob’s', 'bob');
    await evict('alice');
    const read = (key: string, user: string) => storeOf().read(MEMBERSHIPS, key, user);
    expect((await read('one', 'alice')).stored).toBeUndefined();
    expect((await read('other', 'alice')).stored).toBeUndefined();
    expect((await read('bob’s', 'bob')).stored).toBeDefined();
    await evict();
    expect((await read('bob’s', 'bob')).stored).toBeUndefined();
  });

  it('makes a miss of what was read before it and is stored after it', async () => {
    const epochs = await epochsOf(storeOf(), 'alice');
    const before = stored();
    await evict('alice');
    await storeOf().write(MEMBERSHIPS, KEY, 'alice', epochs, before);
    expect(await found()).toBeUndefined();
  });

  it('is told longer than anything that it concerns can live', async () => {
    await evict('alice');
    const [epoch] = [...cache.entries.values()];
    expect(epoch?.until).toBeGreaterThan(Date.now() + 30_000);
  });

  it('differs from every other one', async () => {
    const epochs = new Set<string>();
    for (let turn = 0; turn < 20; turn += 1) {
      await evict('alice');
      epochs.add((await epochsOf(storeOf(), 'alice')).user);
    }
    expect(epochs.size).toBe(20);
  });
});

const NOTHING = { epochs: undefined, stored: undefined };

describe('a store that fails', () => {
  const NEVER = new Promise<never>(() => undefined);
  const failures: readonly [string, SharedCache][] = [
    [
      'rejects',
      {
        get: () => Promise.reject(new Error('down')),
        set: () => Promise.reject(new Error('down')),
      },
    ],
    [
      'throws',
      {
        get: () => {
          throw new Error('down');
        },
        set: () => {
          throw new Error('down');
        },
      },
    ],
    ['never answers', { get: () => NEVER, set: () => NEVER }],
  ];

  it.each(failures)(
    'because it %s is a miss within its own deadline, and nothing is stored',
    async (_how, broken) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
      onTestFinished(() => void vi.useRealTimers());
      const inTime = async <T>(work: Promise<T>): Promise<T> => {
        await vi.advanceTimersByTimeAsync(100);
        return work;
      };
      const store = new SharedStore(broken, SECRET, SCOPE, TTL_MS);
      expect(await inTime(store.read(MEMBERSHIPS, KEY, 'alice'))).toMatchObject(NOTHING);
      await inTime(evict('alice', store));
      await inTime(evict(undefined, store));
      const epochs = { everyone: '', user: '', anyOrganization: '' };
      await inTime(store.write(MEMBERSHIPS, KEY, 'alice', epochs, stored()));
      expect(cache.rowKeys()).toEqual([]);
    },
  );

  it('on one of its keys alone is a miss: without the epoch nothing may be believed', async () => {
    await write();
    cache.beforeGet = (key) =>
      key.includes(':epoch') ? Promise.reject(new Error('down')) : undefined;
    expect(await storeOf().read(MEMBERSHIPS, KEY, 'alice')).toMatchObject(NOTHING);
  });

  it('to take an eviction is not believed by this process, and later reads tell the others', async () => {
    const store = storeOf();
    await write(store);
    await write(store, 'bob’s', 'bob');
    cache.beforeSet = () => Promise.reject(new Error('down'));
    await evict('alice', store);
    cache.beforeSet = () => undefined;
    expect(await found(storeOf())).toBeDefined();
    expect(await found(store)).toBeUndefined();
    expect((await store.read(MEMBERSHIPS, 'bob’s', 'bob')).stored).toBeDefined();
    await epochsOf(store, 'alice');
    expect(await found(storeOf())).toBeUndefined();
  });

  it('after its deadline does not disturb anybody', async () => {
    let fail: (error: Error) => void = () => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    const store = new SharedStore({ get: () => late, set: () => late }, SECRET, SCOPE, TTL_MS);
    const read = await store.read(MEMBERSHIPS, KEY, 'alice');
    await evict('alice', store);
    // An unhandled rejection would fail this file.
    fail(new Error('down'));
    await settle();
    expect(read).toMatchObject(NOTHING);
  });

  it('by answering at once, without a promise, still works', async () => {
    const values = new Map<string, unknown>();
    const plain = {
      get: (key: string) => values.get(key),
      set: (key: string, value: string) => values.set(key, value),
    } as unknown as SharedCache;
    const store = new SharedStore(plain, SECRET, SCOPE, TTL_MS);
    await write(store);
    expect((await store.read(MEMBERSHIPS, KEY, 'alice')).stored).toBeDefined();
  });
});

describe('the keys of the store', () => {
  it('differ wherever any part of the question differs, however the parts are cut', async () => {
    const names = new Set<string>();
    const recorder: SharedCache = {
      get: (name) => {
        names.add(name);
        return Promise.resolve(undefined);
      },
      set: () => Promise.resolve(),
    };
    const texts = [
      '',
      'a',
      'b',
      'ab',
      ',',
      '"',
      '\\',
      '\u0000',
      'a,b',
      '["a"]',
      'é',
      'e\u0301',
      'x'.repeat(5_000),
    ];
    const scopes = texts.flatMap((one) =>
      texts.flatMap((other) => [[one, other], [other], [one, other, '']]),
    );
    const keys = texts.slice(0, 6);
    for (const scope of scopes) {
      const store = new SharedStore(recorder, SECRET, scope, TTL_MS);
      for (const key of keys) await store.read(MEMBERSHIPS, key, 'alice');
    }
    const different = new Set(scopes.map((scope) => JSON.stringify(scope))).size * keys.length;
    expect([...names].filter((name) => name.includes(':rows:'))).toHaveLength(different);
  });
});

describe('a note', () => {
  const noteKey = () => [...cache.entries.keys()].find((key) => key.includes(':note:')) ?? '';

  it('is left for every process of the same scope', async () => {
    await storeOf().note('where', 'here');
    await storeOf().note('where', 'there');
    expect(await storeOf().noted('where')).toBe('there');
    expect(await storeOf().noted('elsewhere')).toBeUndefined();
    expect(await storeOf(SECRET, ['v1', 'https://other.example']).noted('where')).toBeUndefined();
  });

  it.each<[string, () => void]>([
    ['was signed with another secret', () => put(sign('{"v":2,"text":"x"}', 'y'), noteKey())],
    ['lay elsewhere', () => put(sign('{"v":2,"key":"k","text":"x"}'), noteKey())],
    ['is no text', () => put(sign(`{"v":2,"key":"${noteKey()}","text":1}`), noteKey())],
    ['cannot be read', () => void (cache.beforeGet = () => Promise.reject(new Error('down')))],
    ['does not come', () => void (cache.beforeGet = () => new Promise(() => undefined))],
  ])('is not there if it %s', async (_, spoil) => {
    await storeOf().note('where', 'here');
    spoil();
    expect(await storeOf().noted('where')).toBeUndefined();
  });

  it('keeps nobody waiting, and fails nobody', async () => {
    cache.beforeSet = () => new Promise(() => undefined);
    await expect(storeOf().note('where', 'here')).resolves.toBeUndefined();
    cache.beforeSet = () => Promise.reject(new Error('down'));
    await expect(storeOf().note('where', 'here')).resolves.toBeUndefined();
  });
});
