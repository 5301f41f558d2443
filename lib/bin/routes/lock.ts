import { readFile, writeFile } from 'node:fs/promises';
import { own } from '../../core/own-properties.js';
import { UsageError } from '../command.js';
import type { LockFacts } from './facts.js';

/** How a fact of the application differs from the lock file. */
export interface Difference {
  readonly on: string;
  /** Undefined: it is new. */
  readonly from: string | undefined;
  /** Undefined: it is gone. */
  readonly to: string | undefined;
  /** Where that can be said. */
  readonly direction: Direction | undefined;
}

const VERSION = 1;

/** The lock file: sorted, one fact a line. */
function lockText({ read, options, access }: LockFacts): string {
  const head = `"version": ${VERSION},\n  "read": ${JSON.stringify(read)}`;
  return `{\n  ${head},\n  "options": ${linesOf(options)},\n  "access": ${linesOf(access)}\n}\n`;
}

function linesOf(facts: LockFacts['access']): string {
  const lines = Object.entries(facts).map(
    ([name, text]) => `    ${JSON.stringify(name)}: ${JSON.stringify(text)}`,
  );
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n  }`;
}

/** Writes it only if it is another, so that its time says when it changed. Returns whether it did. */
export async function writeLock(path: string, facts: LockFacts): Promise<boolean> {
  const text = lockText(facts);
  const before = await readFile(path, 'utf8').catch(() => undefined);
  if (before === text) return false;
  try {
    await writeFile(path, text);
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${(error as Error).message}`);
  }
  return true;
}

/** @throws UsageError when there is no such file, or it was not written by `--lock` */
export async function readLock(path: string): Promise<LockFacts> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    throw new UsageError(`${path} cannot be read: write it with --lock ${path}, and commit it`);
  }
  const facts = factsIn(text);
  if (facts) return facts;
  throw new UsageError(`${path} is not a lock file of this version: write it with --lock ${path}`);
}

function factsIn(text: string): LockFacts | undefined {
  let lock: unknown;
  try {
    lock = JSON.parse(text);
  } catch {
    return undefined;
  }
  const [options, access, read] = ['options', 'access', 'read'].map((key) => own(lock, key));
  const isWhole =
    own(lock, 'version') === VERSION &&
    (read === 'preview' || read === 'start') &&
    areTexts(options, false) &&
    areTexts(access, true);
  return isWhole ? (lock as LockFacts) : undefined;
}

function areTexts(value: unknown, maySeveral: boolean): boolean {
  const isText = (each: unknown): boolean => typeof each === 'string';
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every(
      (each) => isText(each) || (maySeveral && Array.isArray(each) && each.every(isText)),
    )
  );
}

/** What changed since the lock file was written: in options, and then in ways in. */
export function differences(locked: LockFacts, now: LockFacts): readonly Difference[] {
  const inOptions = between(locked.options, now.options, () => undefined);
  return [
    ...inOptions.map((each) => ({ ...each, on: `option ${each.on}` })),
    ...between(locked.access, now.access, directionOf),
  ];
}

function between(
  before: LockFacts['access'],
  after: LockFacts['access'],
  direction: typeof directionOf,
): readonly Difference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((on): readonly Difference[] => {
    const [from, to] = [textOf(own(before, on)), textOf(own(after, on))];
    if (from === to) return [];
    const isChanged = from !== undefined && to !== undefined;
    return [{ on, from, to, direction: isChanged ? direction(from, to) : undefined }];
  });
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : [value].flat().map(String).join('; then ');
}

/** Whether a change lets more callers in, or fewer. */
type Direction = 'wider' | 'narrower';

type Asked =
  | { readonly type: 'open' | 'nobody' | 'caller' }
  | { readonly type: 'optional'; readonly of: Asked }
  | { readonly type: 'leaf'; readonly any: readonly string[]; readonly on: string }
  | { readonly type: 'allOf' | 'anyOf'; readonly of: readonly Asked[] };

interface Told {
  readonly asked: Asked;
  readonly forActors: boolean;
  readonly zitadel: string;
  readonly guards: string;
}

/** Compares two texts of the lock file. Undefined where neither includes the other, or it is not known. */
export function directionOf(from: string, to: string): Direction | undefined {
  const [before, after] = [toldBy(from), toldBy(to)];
  if (!before || !after) return undefined;
  const [isWider, isNarrower] = [includes(after, before), includes(before, after)];
  if (isWider === isNarrower) return undefined;
  return isWider ? 'wider' : 'narrower';
}

/** Whether everybody whom `inner` lets in is let in by `outer`. */
function includes(outer: Told, inner: Told): boolean {
  if (outer.asked.type === 'open' && outer.guards === '') return true;
  if (outer.guards !== inner.guards) return false;
  if (inner.asked.type === 'nobody') return true;
  if (outer.zitadel !== inner.zitadel || (inner.forActors && !outer.forActors)) return false;
  return implies(inner.asked, outer.asked);
}

function implies(one: Asked, other: Asked): boolean {
  if (other.type === 'open' || one.type === 'nobody') return true;
  if (one.type === 'open' || other.type === 'nobody') return false;
  if (other.type === 'optional') return implies(one.type === 'optional' ? one.of : one, other.of);
  if (one.type === 'optional') return false;
  if (one.type === 'anyOf') return one.of.every((each) => implies(each, other));
  if (other.type === 'allOf') return other.of.every((each) => implies(one, each));
  if (other.type === 'anyOf' && other.of.some((each) => implies(one, each))) return true;
  if (one.type === 'allOf') return one.of.some((each) => implies(each, other));
  if (other.type === 'caller') return true;
  if (one.type !== 'leaf' || other.type !== 'leaf') return false;
  return isOn(one.on, other.on) && one.any.every((each) => other.any.includes(each));
}

/** A project that is tied to its owner is still that project, and what is read afresh is still read. */
function isOn(one: string, other: string): boolean {
  if (one === other) return true;
  const withoutFresh = one.replace(/ \(fresh\)$/, '');
  if (withoutFresh !== one && isOn(withoutFresh, other)) return true;
  const withoutOwner = one.replace(/^(on project \S+(?: \S+)?) of org \S+(?: \S+)?/, '$1');
  return withoutOwner !== one && isOn(withoutOwner, other);
}

function toldBy(whole: string): Told | undefined {
  const [, text = whole, guards = ''] = /^(.*), by (\S.*)$/.exec(whole) ?? [];
  if (text.startsWith('NOT GUARDED')) return told({ type: 'open' });
  if (/^public( \(|$)/.test(text)) return told({ type: 'open' }, guards);
  if (text === 'declares nothing: always denied') return told({ type: 'nobody' }, guards);
  const [, zitadel = ''] = /, at ZITADEL ('.*')$/.exec(text) ?? [];
  let rest = zitadel === '' ? text : text.slice(0, -`, at ZITADEL ${zitadel}`.length);
  rest = rest.replace(/ \(instead of what the class asks for\)$/, '');
  const forActors = rest.endsWith(ACTORS);
  if (forActors) rest = rest.slice(0, -ACTORS.length);
  const isOptional = rest.endsWith(NONE);
  if (isOptional) rest = rest.slice(0, -NONE.length);
  const of = asked(rest);
  return of && { asked: isOptional ? { type: 'optional', of } : of, forActors, zitadel, guards };
}

const ACTORS = ', or whoever acts as one';
const NONE = ', or none';
const told = (asked: Asked, guards = ''): Told => ({
  asked,
  forActors: false,
  zitadel: '',
  guards,
});

/** Reads what `requirementText()` writes. */
function asked(text: string): Asked | undefined {
  if (text === 'any accepted caller') return { type: 'caller' };
  if (text.startsWith('(') && text.endsWith(')')) {
    const inner = text.slice(1, -1);
    for (const [type, glue] of [['allOf', ' and '] as const, ['anyOf', ' or '] as const]) {
      const parts = split(inner, glue);
      if (parts.length < 2) continue;
      const of = parts.map(asked);
      return of.every((each) => each !== undefined) ? { type, of } : undefined;
    }
    return undefined;
  }
  const leaf = LEAF.exec(text);
  if (!leaf) return undefined;
  const [, what = '', names = '', on = ''] = leaf;
  return { type: 'leaf', any: names.split(' | ').map((name) => `${what}${name}`), on };
}

const LEAF =
  /^(permission |project role |an accepted caller of org )?((?:[^ ()]+)(?: \| [^ ()]+)*)(?: ((?:on|of) [^()]+(?:\([^()]*\)[^()]*)*))?$/;

/** Splits outside of brackets. */
function split(text: string, glue: string): readonly string[] {
  const parts: string[] = [];
  let [depth, start] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    if (text[at] === ')') depth--;
    if (depth === 0 && text.startsWith(glue, at)) {
      parts.push(text.slice(start, at));
      start = at + glue.length;
    }
  }
  return [...parts, text.slice(start)];
}
