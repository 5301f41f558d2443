import { createHmac } from 'node:crypto';

/** What stands in the store under one name, in clear. */
export type Fields = Readonly<Record<string, unknown>>;

/** What somebody finds who can read and write the store, and publish on the bus. */
export interface Loot {
  /** The store before the eviction, and after it. */
  readonly before: ReadonlyMap<string, unknown>;
  readonly after: ReadonlyMap<string, unknown>;
  /** The one name of this kind. */
  readonly name: (kind: Kind) => string;
  /** An envelope that lets the user in: right in everything, but for its signature. */
  readonly perfect: Fields;
  /** Of before the eviction. */
  readonly messages: readonly string[];
  readonly userId: string;
}

export type Kind = 'rows' | 'epoch' | 'epoch of all' | 'epoch of organizations';

/** Changes of the store, by name (undefined: the entry goes), and messages that are published. */
interface Poisoned {
  readonly store?: ReadonlyMap<string, unknown>;
  readonly messages?: readonly unknown[];
}

export interface Poison {
  readonly what: string;
  readonly of: (loot: Loot) => Poisoned;
  /** Nothing can show a process that has not heard of an eviction that the whole store was put back. It ends with the TTL. */
  readonly onlyForThoseWhoKnow?: true;
}

export const SECRET = 'a secret of more than thirty-two characters';

export const sign = (text: string, secret = SECRET) =>
  `${createHmac('sha256', secret).update(text).digest('base64url')}.${text}`;

const signed = (fields: unknown) => sign(JSON.stringify(fields));

/** Puts something in the place of the user's envelope. */
const rows = (what: string, value: (loot: Loot, text: string) => unknown): Poison => ({
  what: `envelope: ${what}`,
  of: (loot) => {
    const stored = value(loot, JSON.stringify(loot.perfect));
    return { store: new Map([[loot.name('rows'), stored]]) };
  },
});

/** An envelope with the right signature, and one thing that is odd. */
const odd = (what: string, more: (loot: Loot) => Fields): Poison =>
  rows(`signed, ${what}`, (loot) => signed({ ...loot.perfect, ...more(loot) }));

const rowWith = (what: string, more: Fields): Poison =>
  odd(`a row with ${what}`, ({ perfect }) => {
    const [row] = perfect['rows'] as readonly Fields[];
    return { rows: [{ ...row, ...more }] };
  });

/** Puts something in the place of an epoch, and the envelope of before the eviction beside it. */
const epoch = (kind: Kind, what: string, value: (loot: Loot) => unknown): Poison => ({
  what: `${kind}: ${what}`,
  of: (loot) => ({
    store: new Map([
      [loot.name('rows'), loot.before.get(loot.name('rows'))],
      [loot.name(kind), value(loot)],
    ]),
  }),
});

const fieldsOf = (sealed: unknown) =>
  JSON.parse(String(sealed).slice(String(sealed).indexOf('.') + 1)) as Fields;

const now = Date.now();
const HOUR_MS = 3_600_000;

const ENVELOPES: readonly Poison[] = [
  rows('a perfect forgery without a signature', (_loot, text) => text),
  rows('a perfect forgery with an empty signature', (_loot, text) => `.${text}`),
  rows('a perfect forgery with another secret', (_loot, text) => sign(text, 'x'.repeat(40))),
  rows('a perfect forgery with an empty secret', (_loot, text) => sign(text, '')),
  rows('a perfect forgery with zeros', (_loot, text) => `${'A'.repeat(43)}.${text}`),
  rows('a perfect forgery with the signature of the older one', ({ before, name }, text) => {
    const [mac = ''] = String(before.get(name('rows'))).split('.');
    return `${mac}.${text}`;
  }),
  rows('a perfect forgery in hex', (_loot, text) => {
    const mac = createHmac('sha256', SECRET).update(text).digest('hex');
    return `${mac}.${text}`;
  }),
  rows('an older one, replayed', ({ before, name }) => before.get(name('rows'))),
  rows('an older one, with the new epochs', ({ before, name, perfect }) => {
    const sealed = String(before.get(name('rows')));
    const old = JSON.stringify(fieldsOf(sealed)['epochs']);
    return sealed.replace(old, JSON.stringify(perfect['epochs']));
  }),
  rows('null', () => null),
  rows('true', () => true),
  rows('an object', ({ perfect }) => perfect),
  rows('a list', (_loot, text) => [sign(text)]),
  rows('bytes', (_loot, text) => Buffer.from(sign(text))),
  rows('a page', () => '<!doctype html>'),
  rows('a deep hole', () => sign('['.repeat(100_000) + ']'.repeat(100_000))),
  rows('eight megabytes', () => 'x'.repeat(8 * 2 ** 20)),
  rows('signed, no JSON', () => sign('{')),
  rows('signed, JSON null', () => sign('null')),
  rows('signed, by the prototype', (_loot, text) => sign(text.replace('"rows":', '"__proto__":'))),
  odd('of another version', () => ({ v: 1 })),
  odd('of another key', () => ({ key: `nestjs-zitadel:1:rows:${'A'.repeat(43)}` })),
  odd('of another user', () => ({ userId: 'somebody' })),
  odd('without epochs', () => ({ epochs: undefined })),
  odd('with the epochs of before', ({ before, name }) => ({
    epochs: fieldsOf(before.get(name('rows')))['epochs'],
  })),
  odd('with empty epochs', () => ({ epochs: { everyone: '', user: '', anyOrganization: '' } })),
  odd('with epochs that are a list', () => ({ epochs: ['x', 'x', 'x'] })),
  odd('with odd organizations', () => ({ organizations: { 1: 'x' } })),
  odd('of the future', () => ({ fetchedAt: now + HOUR_MS, expiresAt: now + 2 * HOUR_MS })),
  odd('ended', () => ({ expiresAt: now - 1 })),
  odd('of a day ago', () => ({ fetchedAt: now - 24 * HOUR_MS, expiresAt: now + HOUR_MS })),
  odd('ends before it begins', () => ({ fetchedAt: now + 4_000, expiresAt: now + 3_000 })),
  odd('times that are texts', () => ({ fetchedAt: String(now), expiresAt: 'zzz' })),
  odd('rows that are an object', () => ({ rows: { length: 0 } })),
  odd('rows under another name', ({ perfect }) => ({ rows: undefined, roles: perfect['rows'] })),
  rowWith('another user', { userId: 'somebody' }),
  rowWith('an unknown kind', { kind: 'constructor' }),
  rowWith('a number as id', { id: 1 }),
  rowWith('roles that are a text', { roles: 'ORG_OWNER' }),
  rowWith('roles that are no texts', { roles: [['ORG_OWNER']] }),
  rowWith('an owner that is no text', { ownerOrgId: {} }),
];

const KINDS: readonly Kind[] = ['epoch', 'epoch of all', 'epoch of organizations'];

const EPOCHS: readonly Poison[] = KINDS.flatMap((kind) => [
  epoch(kind, 'put back', ({ before, name }) => before.get(name(kind))),
  epoch(kind, 'dropped', () => undefined),
  epoch(kind, 'null', () => null),
  epoch(kind, 'the older one without a signature', ({ before, name }) =>
    JSON.stringify(fieldsOf(before.get(name(kind)))),
  ),
  epoch(kind, 'the older one, later, with another secret', ({ before, name }) =>
    sign(JSON.stringify({ ...fieldsOf(before.get(name(kind))), at: now + 60_000 }), 'x'.repeat(40)),
  ),
  epoch(kind, 'of a day ahead', ({ before, name }) =>
    signed({ ...fieldsOf(before.get(name(kind))), at: now + 24 * HOUR_MS }),
  ),
  epoch(kind, 'copied from another name', ({ before, name }) =>
    before.get(name(kind === 'epoch' ? 'epoch of all' : 'epoch')),
  ),
]);

const WHOLE: readonly Poison[] = [
  {
    what: 'the whole store put back',
    of: ({ before }) => ({ store: before }),
    onlyForThoseWhoKnow: true,
  },
  {
    what: 'all epochs dropped, and the older envelope put back',
    of: ({ before, name }) => ({
      store: new Map([
        ...[...before.keys()].map((key) => [key, undefined] as const),
        [name('rows'), before.get(name('rows'))],
      ]),
    }),
  },
];

const message = (what: string, of: (loot: Loot) => unknown): Poison => ({
  what: `message: ${what}`,
  // What was stored before stands there again, for whoever lets the message undo the eviction.
  of: (loot) => ({
    store: new Map([[loot.name('rows'), loot.before.get(loot.name('rows'))]]),
    messages: [of(loot)],
  }),
});

const forged = (fields: Fields, secret: string | undefined) => {
  const text = JSON.stringify({ v: 1, by: 'somebody', at: now, ...fields });
  return secret === undefined ? `.${text}` : sign(text, secret);
};

const MESSAGES: readonly Poison[] = [
  message('an empty text', () => ''),
  message('null', () => null),
  message('a page', () => '<!doctype html>'),
  message('fifty thousand characters', () => 'x'.repeat(50_000)),
  message('an older one, again', ({ messages }) => messages[0]),
  message('an older one with a bit more', ({ messages }) => `${messages[0]} `),
  message('not signed', ({ userId }) => forged({ eviction: { type: 'user', userId } }, undefined)),
  message('signed for the store', ({ userId }) =>
    forged({ eviction: { type: 'user', userId }, at: 1 }, SECRET),
  ),
  message('with a negative time', ({ userId }) =>
    forged({ eviction: { type: 'user', userId }, at: -1 }, SECRET),
  ),
  message('of an unknown type', () => forged({ eviction: { type: 'unevict' } }, SECRET)),
  message('that refuses all tokens, not signed', () =>
    forged({ eviction: { type: 'issuedBefore', time: now + HOUR_MS } }, undefined),
  ),
  message('that refuses all tokens, with another secret', () =>
    forged({ eviction: { type: 'issuedBefore', time: now + HOUR_MS } }, 'x'.repeat(40)),
  ),
];

export const POISON: readonly Poison[] = [...ENVELOPES, ...EPOCHS, ...WHOLE, ...MESSAGES];
