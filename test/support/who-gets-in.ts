import { speak, type Heard } from './speak.js';
import type { People } from './world.js';

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
