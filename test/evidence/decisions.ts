import { randomInt } from 'node:crypto';
import { inspect } from 'node:util';
import { compile } from '#dist/core/requirement/compile.js';
import { openCase, type Case as OpenCase } from '#dist/core/decide/case.js';
import { decide } from '#dist/core/decide/decide.js';
import type { Facts, GrantFact, Need, ResourceNeed } from '#dist/core/decide/case.js';
import { ZITADEL_HIERARCHY } from '#dist/core/requirement/roles.js';
import { indexOf, type Membership, type MembershipIndex, type RowsOn } from '#dist/core/caller.js';
import { INVALID, readId, type RequestLike } from '#dist/core/request.js';
import { allOf, anyOf, authenticated, role } from '#dist/core/requirement/builders.js';
import type { Requirement, FreshOptions } from '#dist/core/requirement/requirement.js';
import { org, project, projectGrant, type RefBuilder } from '#dist/core/requirement/refs.js';
import { customRole, type CustomRole, type ResourceKind } from '#dist/core/requirement/roles.js';
import { CUSTOM, drawCase, type Case, type SaidRow } from './decision-cases.js';
import {
  PRINTED,
  idsOf,
  isWorthAsking,
  leavesThatCarry,
  satisfies,
  verdictOf,
  type Demand,
  type Kind,
  type Place,
  type Question,
  type Target,
  type Verdict,
} from './oracle.js';
import { seededRandom, type Random } from './seeded-random.js';

export const about =
  'random worlds and requirements, decided as an independent oracle decides them';

// The length is bounded whether the pattern says so or not.
const PATTERNS = [/^[0-9]{1,200}$/, /^[0-9]+$/];
const CALLER = '314159265358979323';
const CUSTOM_NAMES = new Set(Object.values(CUSTOM).flat());
const KIND: Readonly<Record<Kind, ResourceKind>> = {
  instance: 'instance',
  org: 'org',
  project: 'project',
  grant: 'projectGrant',
};

/** The order and number of the rows, and a row more, are tried on every case; what is not known yet, on a quarter of them. */
const SHARE_THAT_ASKS = 0.25;
/** The list is over its cap: only some of the rows came, and the others are asked for resource by resource. */
const SHARE_OVER_CAP = 0.2;
/** As many as a request is given. */
const ROUNDS = 4;

const membershipOf = (row: SaidRow): Membership => ({
  userId: CALLER,
  kind: KIND[row.kind],
  id: row.id,
  roles: row.roles,
  ...(row.owner !== undefined && { ownerOrgId: row.owner }),
  ...(row.ends && { projectId: row.ends.project, grantedOrgId: row.ends.grantedOrg }),
});

function refAt<R>(builder: ((id: string) => R) & RefBuilder<R>, place: Place, random: Random): R {
  if ('literal' in place) return builder(place.literal);
  switch (place.in) {
    case 'params':
      return builder.param(place.name);
    case 'query':
      return builder.query(place.name);
    case 'body':
      return builder.body(place.name);
    case 'headers':
      // Names of headers are written as people like them.
      return builder.header(random.chance(0.5) ? place.name.toUpperCase() : place.name);
  }
}

const grantRefs = Object.assign((id: string) => projectGrant(id), projectGrant);

function refOf(target: Target, random: Random): unknown[] {
  switch (target.on) {
    case 'instance':
      return [];
    case 'org':
      return [refAt(org, target.id, random)];
    case 'project': {
      const ref = refAt(project, target.id, random);
      return [target.ownedBy ? ref.in(refAt(org, target.ownedBy, random)) : ref];
    }
    case 'grant':
      return 'id' in target
        ? [refAt(grantRefs, target.id, random)]
        : [
            projectGrant({
              project: refAt(project, target.project, random),
              grantedOrg: refAt(org, target.grantedOrg, random),
            }),
          ];
  }
}

// The signature of `role` lets a compiler refuse what does not fit; drawn roles are only known at run time.
const roleOfAny = role as unknown as (
  roles: string | CustomRole | readonly (string | CustomRole)[],
  ...on: unknown[]
) => Requirement;

/** The requirement as an application would write it. */
function requirementOf(demand: Demand, random: Random): Requirement {
  if ('caller' in demand) return authenticated();
  if ('every' in demand) return allOf(...demand.every.map((each) => requirementOf(each, random)));
  if ('some' in demand) return anyOf(...demand.some.map((each) => requirementOf(each, random)));
  const names = demand.roles.map((name) =>
    CUSTOM_NAMES.has(name) ? customRole(name as `ORG_${string}`) : name,
  );
  const [only, ...others] = names;
  const options: FreshOptions[] = random.chance(0.05) ? [{ fresh: true }] : [];
  return roleOfAny(
    only !== undefined && others.length === 0 ? only : names,
    ...refOf(demand.target, random),
    ...options,
  );
}

const grantFact = (drawn: Case, grantId: string): GrantFact | null => {
  const grant = drawn.grants.get(grantId);
  return grant ? { grantId, projectId: grant.project, grantedOrgId: grant.grantedOrg } : null;
};

function grantBetween(drawn: Case, projectId: string, grantedOrgId: string): GrantFact | null {
  for (const [grantId, grant] of drawn.grants) {
    if (grant.project === projectId && grant.grantedOrg === grantedOrgId) {
      return grantFact(drawn, grantId);
    }
  }
  return null;
}

const everythingKnown = (drawn: Case): Facts => ({
  ownerOf: (projectId) => drawn.owners.get(projectId) ?? null,
  grantOf: (grantId) => grantFact(drawn, grantId),
  grantBetween: (projectId, grantedOrgId) => grantBetween(drawn, projectId, grantedOrgId),
});

const keyOf = (need: ResourceNeed): string =>
  need.fact === 'owner'
    ? `owner ${need.projectId}`
    : need.fact === 'grant'
      ? `grant ${need.grantId}`
      : `between ${need.projectId} ${need.grantedOrgId}`;

const questionsOf = (need: ResourceNeed): Question[] => {
  switch (need.fact) {
    case 'owner':
      return need.orgIds.map((under) => ({ about: 'owner', project: need.projectId, under }));
    case 'grant':
      return need.orgIds.map((under) => ({ about: 'grant', grant: need.grantId, under }));
    case 'grantBetween':
      return [{ about: 'grant between', project: need.projectId, grantedOrg: need.grantedOrgId }];
  }
};

/** What ZITADEL answers when it is asked about one resource alone; of a grant by its ends, all rows of grants of the project. */
function isOn(row: SaidRow, on: RowsOn, { grants }: Case): boolean {
  if (on.kind === 'orgsByRoles') {
    return row.kind === 'org' && row.roles.some((name) => on.roles.includes(name));
  }
  if (on.kind === 'projectGrantBetween') {
    return row.kind === 'grant' && grants.get(row.id)?.project === on.projectId;
  }
  return KIND[row.kind] === on.kind && (on.kind === 'instance' || row.id === on.id);
}

/** What is known once questions have been asked, and only that. */
class AskedFacts implements Facts {
  private readonly answers = new Map<string, string | GrantFact | null>();
  private readonly rows = new Map<string, MembershipIndex>();

  constructor(
    private readonly drawn: Case,
    /** ZITADEL shows a project only under its owner, and a grant only to those who may read it; `false`: it shows all it has. */
    private readonly shy: boolean,
    private readonly overCap: boolean,
    private readonly byEnds: boolean,
  ) {}

  rowsOn(on: RowsOn): MembershipIndex | undefined {
    return this.rows.get(JSON.stringify(on));
  }

  ownerOf(projectId: string): string | null | undefined {
    return this.answers.get(`owner ${projectId}`) as string | null | undefined;
  }

  grantOf(grantId: string): GrantFact | null | undefined {
    return this.answers.get(`grant ${grantId}`) as GrantFact | null | undefined;
  }

  grantBetween(projectId: string, grantedOrgId: string): GrantFact | null | undefined {
    const key = `between ${projectId} ${grantedOrgId}`;
    return this.answers.get(key) as GrantFact | null | undefined;
  }

  /**
   * Asks what a decision found missing; says what is wrong with a question, if anything is. Two branches may miss the same fact under
   * different organizations: both are asked before there is an answer.
   */
  ask(needs: readonly Need[]): string | undefined {
    const { drawn } = this;
    for (const [name, need] of new Map(needs.map((each) => [JSON.stringify(each), each]))) {
      if (need.fact === 'permissions' || need.fact === 'projectRoles') {
        return `asks for ${need.fact}`;
      }
      if (need.fact === 'state') return 'asks for a state, though what is inactive counts';
      if (need.fact === 'rows') {
        if (!this.overCap) return 'asks for rows though the list is whole';
        const { on } = need;
        if (this.rowsOn(on)) return `asks again for ${name}`;
        this.rows.set(JSON.stringify(on), this.rowsFor(on));
        continue;
      }
      if (this.overCap) {
        this.answers.set(keyOf(need), this.answerTo(need));
        continue;
      }
      const questions = questionsOf(need);
      if (questions.length === 0) return `asks for ${keyOf(need)} under no organization`;
      for (const question of questions) {
        if (!isWorthAsking(question, drawn.rows, drawn.demand, drawn.asked, drawn.table)) {
          return `asks what no row of the caller could use: ${inspect(question)}`;
        }
      }
      const key = keyOf(need);
      this.answers.set(key, this.answers.get(key) ?? this.answerTo(need));
    }
    return undefined;
  }

  /** As API v1 answers; or as v2, which knows grants by their ends only. */
  private rowsFor(on: RowsOn): MembershipIndex {
    const { drawn, byEnds } = this;
    // A row of a grant that there is not, which is drawn too, has no ends to be asked for by.
    if (byEnds && on.kind === 'projectGrant' && drawn.grants.has(on.id)) return indexOf([]);
    const rows = drawn.rows.filter((row) => isOn(row, on, drawn));
    const said = (row: SaidRow): SaidRow => {
      const ends = byEnds && row.kind === 'grant' ? drawn.grants.get(row.id) : undefined;
      return ends ? { ...row, ends } : row;
    };
    return indexOf(rows.map((row) => membershipOf(said(row))));
  }

  private answerTo(need: ResourceNeed): string | GrantFact | null {
    const { drawn, shy } = this;
    switch (need.fact) {
      case 'owner': {
        const owner = drawn.owners.get(need.projectId) ?? null;
        return owner !== null && shy && !need.orgIds.includes(owner) ? null : owner;
      }
      case 'grant': {
        const grant = grantFact(drawn, need.grantId);
        return grant && shy && !need.orgIds.includes(grant.grantedOrgId) ? null : grant;
      }
      case 'grantBetween':
        return grantBetween(drawn, need.projectId, need.grantedOrgId);
    }
  }
}

type Ids = (string | undefined)[] | 'invalid';

interface Answer {
  readonly verdict: Verdict | 'broken';
  readonly found: OpenCase;
  readonly asks: number;
  readonly flaw?: string;
}

const NOBODY = { userId: 'nobody', claims: {} };

/** One case on the library's side, so far as it does not depend on the rows. */
class Subject {
  private readonly compiled;
  private readonly ids: Ids;
  readonly facts: Facts | undefined;
  readonly shy: boolean;
  readonly overCap: boolean;
  readonly byEnds: boolean;

  constructor(
    private readonly drawn: Case,
    random: Random,
  ) {
    const requirement = requirementOf(drawn.demand, random);
    const pattern = random.pick(PATTERNS);
    this.compiled = compile(requirement, {
      hierarchy: drawn.table === PRINTED ? ZITADEL_HIERARCHY : drawn.table,
      idPattern: pattern,
      projectId: undefined,
      permissions: true,
    });
    const request = drawn.asked as RequestLike;
    const ids = this.compiled.sources.map((source) =>
      readId(source, request, NOBODY, pattern, () => {
        throw new Error('no id is read by a class here');
      }),
    );
    this.ids = ids.includes(INVALID) ? 'invalid' : (ids as (string | undefined)[]);
    this.facts = random.chance(SHARE_THAT_ASKS) ? undefined : everythingKnown(drawn);
    this.overCap = this.facts === undefined && random.chance(SHARE_OVER_CAP / SHARE_THAT_ASKS);
    this.byEnds = random.chance(0.5);
    this.shy = !this.overCap && random.chance(0.7);
  }

  answer(rows: readonly SaidRow[]): Answer {
    const came = this.overCap ? rows.filter((_, position) => position % 2 === 0) : rows;
    const index = indexOf(came.map(membershipOf), !this.overCap);
    const asked = new AskedFacts({ ...this.drawn, rows }, this.shy, this.overCap, this.byEnds);
    const facts = this.facts ?? asked;
    const open = () =>
      openCase(this.compiled, this.ids === 'invalid' ? [] : this.ids, index, {}, facts);
    const found = open();
    if (this.ids === 'invalid') return { verdict: 'resource_invalid', found, asks: 0 };
    const denied = this.ids.includes(undefined) ? 'resource_missing' : 'role_missing';
    const first = decide(found);
    if (first !== 'ask') return { verdict: first === 'yes' ? 'allowed' : denied, found, asks: 0 };
    if (facts !== asked) return broken(found, 0, 'asks though everything is known');
    if (found.needs.length === 0) return broken(found, 0, 'asks for nothing');
    let before = found;
    // One round of questions settles it, unless the list itself must be asked for piece by piece.
    const rounds = this.overCap ? ROUNDS : 1;
    for (let round = 1; round <= rounds; round += 1) {
      const flaw = asked.ask(before.needs);
      if (flaw !== undefined) return broken(before, round, flaw);
      const after = open();
      const verdict = decide(after);
      if (verdict !== 'ask') {
        return { verdict: verdict === 'yes' ? 'allowed' : denied, found: after, asks: round };
      }
      before = after;
    }
    return broken(before, rounds, 'does not stop asking');
  }
}

const broken = (found: OpenCase, asks: number, flaw: string): Answer => ({
  verdict: 'broken',
  found,
  asks,
  flaw,
});

/** What a target is about, kind and id; a grant that is named by its two ends also by its own id. */
function resourcesOf(target: Target, drawn: Case): string[] {
  const [first, second] = idsOf(target, drawn.asked) ?? [];
  if (first === undefined) return [];
  if (second === undefined) return [`${KIND[target.on]} ${first}`];
  const between = target.on === 'grant' && grantBetween(drawn, first, second);
  return [
    `project ${first}`,
    `org ${second}`,
    ...(between ? [`projectGrant ${between.grantId}`] : []),
  ];
}

/** What is wrong with the row and the resources that an allow names: handlers and audits rely on both. */
function flawOfAllow(drawn: Case, { found }: Answer): string | undefined {
  const { demand, asked, table } = drawn;
  const carrying = leavesThatCarry(drawn, demand, asked, table);
  const { by, checked } = found;
  if (by === undefined) {
    if (verdictOf({ ...drawn, rows: [] }, demand, asked, table) !== 'allowed') {
      return 'names no row, but needs one';
    }
  } else {
    const same = drawn.rows.filter(
      ({ kind, id }) => KIND[kind] === by.kind && (kind === 'instance' || id === by.id),
    );
    const held = new Set(same.flatMap(({ roles }) => roles));
    const [first] = same;
    if (!first || by.userId !== CALLER || !by.roles.every((name) => held.has(name))) {
      return 'names a row that the caller does not have';
    }
    const alone = [{ kind: first.kind, id: by.id, roles: by.roles }];
    if (!carrying.some((leaf) => satisfies(drawn, alone, leaf, asked, table))) {
      return 'names a row that does not carry the decision';
    }
  }
  const used = new Set(carrying.flatMap(({ target }) => resourcesOf(target, drawn)));
  const foreign = checked.find(({ kind, id }) => !used.has(`${kind} ${id}`));
  return foreign && `calls ${foreign.kind} ${foreign.id} checked, which the allow is not about`;
}

function shuffledAndDoubled(rows: readonly SaidRow[], random: Random): SaidRow[] {
  const doubled = rows.flatMap((row) => {
    const dice = random.next();
    if (dice < 0.5) return [row];
    if (dice < 0.8) return [row, row];
    const half = random.below(row.roles.length + 1);
    return [
      { ...row, roles: row.roles.slice(half) },
      { ...row, roles: random.shuffled(row.roles.slice(0, half)) },
    ];
  });
  return random.shuffled(doubled);
}

export async function run(options: {
  short: boolean;
  progress(text: string): void;
}): Promise<{ ok: boolean } & Record<string, unknown>> {
  const runs = options.short ? 10_000 : 1_000_000;
  const given = Number(process.env['DECISIONS_SEED'] ?? NaN);
  const seed = Number.isSafeInteger(given) ? given : randomInt(2 ** 32);
  options.progress(`seed ${seed} (DECISIONS_SEED=${seed} repeats it)`);
  const tally: Record<Verdict, number> = {
    allowed: 0,
    resource_invalid: 0,
    resource_missing: 0,
    role_missing: 0,
  };
  let [wrong, reorderings, additions, asks] = [0, 0, 0, 0];

  for (let number = 0; number < runs; number += 1) {
    const random = seededRandom(seed, number);
    const drawn = drawCase(random);
    const subject = new Subject(drawn, random);
    const expected = verdictOf(drawn, drawn.demand, drawn.asked, drawn.table);
    const answer = subject.answer(drawn.rows);
    tally[expected] += 1;
    asks += answer.asks;

    const flaws: string[] = [];
    if (answer.verdict !== expected) {
      flaws.push(answer.flaw ?? `says ${answer.verdict}, must be ${expected}`);
    } else if (expected === 'allowed') {
      const flaw = flawOfAllow(drawn, answer);
      if (flaw !== undefined) flaws.push(flaw);
    }
    if (drawn.rows.length > 0) {
      reorderings += 1;
      const again = subject.answer(shuffledAndDoubled(drawn.rows, random));
      if (again.verdict !== answer.verdict) {
        flaws.push(`says ${again.verdict} for the same rows in another order, some doubled`);
      }
    }
    if (answer.verdict === 'allowed') {
      additions += 1;
      const more = subject.answer(random.shuffled([...drawn.rows, drawn.extra]));
      if (more.verdict !== 'allowed') {
        flaws.push(`says ${more.verdict} with one row more: ${more.flaw ?? ''}`);
      }
    }
    if (flaws.length > 0) {
      wrong += 1;
      if (wrong <= 5) {
        const what = { seed, number, flaws, ...drawn, allKnown: subject.facts !== undefined };
        console.error(inspect(what, { depth: 12, breakLength: 140, maxStringLength: 60 }));
      }
    }
    if ((number + 1) % 100_000 === 0) {
      options.progress(`${number + 1} decisions, ${tally.allowed} allowed, ${wrong} wrong`);
    }
  }

  const allows = tally.allowed;
  const allowShare = Number((allows / runs).toFixed(4));
  options.progress(
    `denied: ${tally.role_missing} role missing, ${tally.resource_missing} resource missing, ${tally.resource_invalid} resource invalid; ${asks} rounds of questions`,
  );
  // A proof that never saw one of the answers, or never asked, has shown nothing about them.
  const sawAll = Object.values(tally).every((count) => count > 0) && asks > 0;
  return {
    ok: wrong === 0 && allowShare >= 0.15 && sawAll,
    runs,
    allows,
    wrong,
    allowShare,
    reorderings,
    additions,
    seed,
  };
}
