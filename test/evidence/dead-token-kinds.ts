import type { Org, User, ZitadelEmulator } from 'nestjs-zitadel/testing';
import { signIn } from './sign-in.js';

/** The forms of tokens. */
export type Form = 'jwt' | 'opaque' | 'pat';

/** A token, and what a report calls it. */
export interface NamedToken {
  readonly what: string;
  readonly token: string;
}

/** Somebody whose token dies. */
interface Holder {
  readonly user: User;
  readonly token: string;
  /** Takes the next token of the session, with which this one ends. */
  readonly refresh: (() => Promise<void>) | undefined;
}

/** One thing that happens to tokens of one form. */
export interface Death {
  readonly kind: Kind;
  /** The organization that the holders live in. */
  readonly home: Org;
  readonly holders: readonly Holder[];
  readonly tokens: readonly NamedToken[];
  /** Of the same users, and nothing happens to them. */
  readonly others: readonly NamedToken[];
}

/** What can happen to a token, after which ZITADEL no longer accepts it. */
export interface Kind {
  readonly text: string;
  readonly forms: readonly Form[];
  /** How many users it happens to at once; one unless given. */
  readonly users?: number;
  /** It happens to this token alone: another one of the same user stays. */
  readonly isOfToken?: boolean;
  /** The token comes from a sign-in, since it is refreshed. */
  readonly isOfSignIn?: boolean;
  /** Does it. It has happened when this is over. */
  readonly kill: (zitadel: ZitadelEmulator, death: Death) => unknown;
}

type Verb = (zitadel: ZitadelEmulator, holder: Holder) => unknown;

const each =
  (verb: Verb): Kind['kill'] =>
  (zitadel, { holders }) =>
    Promise.all(holders.map((holder) => verb(zitadel, holder)));

const EVERY: readonly Form[] = ['jwt', 'opaque', 'pat'];
const OF_PERSONS: readonly Form[] = ['jwt', 'opaque'];

export const KINDS: readonly Kind[] = [
  {
    text: 'user deactivated',
    forms: EVERY,
    kill: each((zitadel, { user }) => zitadel.deactivateUser(user)),
  },
  {
    text: 'user deactivated and reactivated',
    forms: EVERY,
    kill: each((zitadel, { user }) => {
      zitadel.deactivateUser(user);
      zitadel.reactivateUser(user);
    }),
  },
  {
    text: 'user locked',
    forms: EVERY,
    kill: each((zitadel, { user }) => zitadel.lockUser(user)),
  },
  {
    text: 'user locked and unlocked',
    forms: EVERY,
    kill: each((zitadel, { user }) => {
      zitadel.lockUser(user);
      zitadel.unlockUser(user);
    }),
  },
  {
    text: 'session ended',
    forms: OF_PERSONS,
    kill: each((zitadel, { user }) => zitadel.endSessions(user)),
  },
  {
    text: 'token revoked',
    forms: OF_PERSONS,
    isOfToken: true,
    kill: each((zitadel, { token }) => zitadel.revokeToken(token)),
  },
  {
    text: 'token refreshed away',
    forms: OF_PERSONS,
    isOfToken: true,
    isOfSignIn: true,
    kill: each((_zitadel, { refresh }) => refresh?.()),
  },
  {
    text: 'user removed',
    forms: EVERY,
    kill: each((zitadel, { user }) => zitadel.removeUser(user)),
  },
  {
    text: 'organization removed',
    forms: EVERY,
    // More than it takes to open a breaker.
    users: 4,
    kill: (zitadel, { home }) => zitadel.removeOrg(home),
  },
  {
    text: 'personal access token deleted',
    forms: ['pat'],
    isOfToken: true,
    kill: each((zitadel, { token }) => zitadel.revokeToken(token)),
  },
];

/** Users with tokens, all owners of `managed`, to whom one thing will happen. */
export async function prepareDeath(
  zitadel: ZitadelEmulator,
  managed: Org,
  kind: Kind,
  form: Form,
): Promise<Death> {
  const name = `${kind.text} ${form}`.replaceAll(' ', '-');
  const home = zitadel.addOrg(name);
  const holders: Holder[] = [];
  for (let number = 0; number < (kind.users ?? 1); number += 1) {
    const user =
      form === 'pat'
        ? zitadel.addServiceUser(`${name}-${number}`, { org: home })
        : zitadel.addUser(`${name}-${number}`, { org: home });
    zitadel.addMember(user, { org: managed }, ['ORG_OWNER']);
    const session = kind.isOfSignIn ? await signIn(zitadel, user, form) : undefined;
    const token = session?.token ?? tokenOf(zitadel, user, form);
    holders.push({ user, token, refresh: session?.refresh });
  }
  const others = kind.isOfToken ? holders.map(({ user }) => tokenOf(zitadel, user, form)) : [];
  return {
    kind,
    home,
    holders,
    tokens: holders.map(({ token }) => ({ what: form, token })),
    others: others.map((token) => ({ what: `another ${form}, ${kind.text}`, token })),
  };
}

/** A token that ZITADEL accepts. */
export function tokenOf(zitadel: ZitadelEmulator, user: User, form: Form): string {
  switch (form) {
    case 'jwt':
      return zitadel.tokenFor(user);
    case 'opaque':
      return zitadel.opaqueTokenFor(user);
    case 'pat':
      return zitadel.patFor(user);
  }
}
