import { own } from '../../core/own-properties.js';
import { type Access, namesOf } from '../../nest/access.js';
import type { Overview } from '../../nest/overview.js';

/** One way in, and what is asked there. */
export interface Row {
  readonly name: string;
  readonly text: string;
  /** The class, or what it stands in. */
  readonly group: string;
  /** Missing where Nest knows no handler. */
  readonly access?: Access;
  /** Whether it deserves a second look: everybody gets in unasked, or nobody. */
  readonly mark: 'open' | 'denied' | undefined;
}

/** What the lock file has: names with what is asked there, line by line. */
export interface LockFacts {
  readonly read: 'preview' | 'start';
  readonly options: Readonly<Record<string, string>>;
  /** Several where several handlers stand at one name: Nest calls the first. */
  readonly access: Readonly<Record<string, string | readonly string[]>>;
}

/** Nothing where our guard stands alone, as it is. What is public it lets through unasked, and another guard may not. */
function guardsText({ access, guards }: Access): string {
  const named = guards
    .filter((each) => access !== 'public' || DECIDES_ITSELF.test(each))
    .sort(compare);
  return named.length === 0 || named.join() === 'ZitadelManagerGuard'
    ? ''
    : `, by ${named.join(' and ')}`;
}

const DECIDES_ITSELF = / \((?:overrides .*\bcanActivate\b|asks |in place of )/;

const UNGUARDED = 'NOT GUARDED by nestjs-zitadel: open';

/** Every way in: those of handlers by their class, and then what stands beside them. */
export function rowsOf({ access, beside }: Overview): readonly Row[] {
  const rows = [
    ...access.flatMap((each): readonly Row[] => {
      const { controller, guarded, text } = each;
      const mark = guarded ? (each.access === 'undeclared' ? 'denied' : undefined) : 'open';
      // Each path of a route is a fact of its own.
      return namesOf(each).map((name) => ({
        name,
        text: guarded ? text + guardsText(each) : UNGUARDED,
        group: controller,
        access: each,
        mark,
      }));
    }),
    ...beside.map(({ name, text, isMeant }): Row => ({
      name,
      text,
      group: 'Beside the handlers of Nest',
      mark: isMeant ? undefined : 'open',
    })),
  ];
  // A provider with two tokens is seen twice.
  const seen = new Map(
    rows.map((row) => [[row.name, row.group, row.access?.handler, row.text].join('\n'), row]),
  );
  return [...seen.values()];
}

/** The rows by their classes, in the order of the application. */
export function groupsOf(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return groups;
}

/** All that the lock file holds, in an order that does not depend on the order of the source. */
export function factsOf(overview: Overview): LockFacts {
  const access = new Map<string, string[]>();
  for (const { name, text } of rowsOf(overview)) {
    access.set(name, [...(access.get(name) ?? []), text]);
  }
  const sorted = [...access].sort(([one], [other]) => compare(placeOf(one), placeOf(other)));
  return {
    read: overview.isPreview ? 'preview' : 'start',
    options: Object.fromEntries(overview.options.flatMap(optionFacts).sort(byFirst)),
    access: Object.fromEntries(
      sorted.map(([name, texts]) => [name, texts.length === 1 ? String(texts[0]) : texts]),
    ),
  };
}

/** What stands at one path stands together. */
const placeOf = (name: string): string => `${name.slice(name.indexOf(' ') + 1)}\n${name}`;

const byFirst = ([one]: readonly [string, string], [other]: readonly [string, string]): number =>
  compare(one, other);

/** The same on every machine. */
const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** The options that say who gets in. Those that differ from place to place (issuer, audience, ids) are left out. */
function optionFacts({
  zitadel,
  options,
}: Overview['options'][number]): readonly (readonly [string, string])[] {
  const of = zitadel === undefined ? '' : ` of ZITADEL '${zitadel}'`;
  if (!options) return [[`options${of}`, 'not known in a preview: a factory makes them']];
  const all = instancesIn(options);
  const facts = [
    ...(zitadel === undefined ? [['strict', own(options, 'strict') ?? false] as const] : []),
    ...all
      .map((each) => instanceFacts(each))
      .sort((one, other) => compare(JSON.stringify(one), JSON.stringify(other)))
      .flatMap((each, index) =>
        each.map(([name, value]): readonly [string, unknown] => [
          all.length > 1 ? `${name} of instance ${index + 1}${of}` : `${name}${of}`,
          value,
        ]),
      ),
  ];
  return facts.map(([name, value]) => [name, String(value)]);
}

/** With the option `instances`, what says who gets in stands in each of them. */
export function instancesIn(options: object | undefined): readonly unknown[] {
  const instances = own(options, 'instances');
  return Array.isArray(instances) ? instances : [options];
}

function instanceFacts(options: unknown): readonly (readonly [string, unknown])[] {
  const hierarchy = own(options, 'hierarchy') ?? 'zitadel';
  return [
    ['allowImpersonation', own(options, 'allowImpersonation') ?? false],
    ['projectRoles', own(options, 'projectRoles') ?? 'token'],
    ['memberships.inactive', own(own(options, 'memberships'), 'inactive') ?? 'asZitadel'],
    ...(typeof hierarchy === 'string'
      ? [['hierarchy', hierarchy] as const]
      : Object.entries(hierarchy as object).map(
          ([role, satisfies]) => [`hierarchy.${role}`, [satisfies].flat().join(' | ')] as const,
        )),
  ];
}
