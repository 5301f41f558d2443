/** Whether a change lets more callers in, or fewer. */
export type Direction = 'wider' | 'narrower';

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
