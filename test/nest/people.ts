import { speak, type Heard } from '../support/speak.js';
import { ZitadelEmulator } from '../../lib/testing/index.js';

/** Two organizations, and whoever owns none, one, the other or both of them. */
export interface People {
  readonly zitadel: ZitadelEmulator;
  readonly orgA: string;
  readonly orgB: string;
  readonly tokens: Readonly<Record<'nobody' | 'ofA' | 'ofB' | 'ofBoth', string>>;
  readonly ids: Readonly<Record<'nobody' | 'ofA' | 'ofB' | 'ofBoth', string>>;
}

export async function createPeople(): Promise<People> {
  const zitadel = await ZitadelEmulator.start();
  const orgA = zitadel.addOrg('A');
  const orgB = zitadel.addOrg('B');
  const nobody = zitadel.addUser('nobody');
  const ofA = zitadel.addUser('of-a');
  const ofB = zitadel.addUser('of-b');
  const ofBoth = zitadel.addUser('of-both');
  for (const user of [ofA, ofBoth]) zitadel.addMember(user, { org: orgA }, ['ORG_OWNER']);
  for (const user of [ofB, ofBoth]) zitadel.addMember(user, { org: orgB }, ['ORG_OWNER']);
  const users = { nobody, ofA, ofB, ofBoth };
  const ofEach = (what: (user: (typeof users)['nobody']) => string) => ({
    nobody: what(nobody),
    ofA: what(ofA),
    ofB: what(ofB),
    ofBoth: what(ofBoth),
  });
  return {
    zitadel,
    orgA: orgA.id,
    orgB: orgB.id,
    tokens: ofEach((user) => zitadel.tokenFor(user)),
    ids: ofEach(({ id }) => id),
  };
}

/** A request with a token, or without. */
export function get(url: string, path: string, token?: string): Promise<Heard> {
  const headers = token === undefined ? [] : [['Authorization', `Bearer ${token}`] as const];
  return speak(url, { path, headers });
}

/** Who is let in, in the words of the documentation. */
const WORDS: Readonly<Record<string, string>> = {
  '': 'denied',
  'nobody at all, nobody, ofA, ofB, ofBoth': 'public',
  'nobody, ofA, ofB, ofBoth': 'a caller',
  'ofA, ofBoth': 'A',
  'ofB, ofBoth': 'B',
  ofBoth: 'A and B',
};

/** Asks a route as everybody, and says in a word who gets in. */
export async function whoGetsIn({ tokens }: People, url: string, path: string): Promise<string> {
  const everybody = [['nobody at all', undefined], ...Object.entries(tokens)] as const;
  const heard = await Promise.all(everybody.map(([, token]) => get(url, path, token)));
  const let_in = everybody.filter((_, position) => heard[position]?.status === 200);
  const names = let_in.map(([name]) => name).join(', ');
  return WORDS[names] ?? `unexpectedly: ${names}`;
}
