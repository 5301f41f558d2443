/** A change that no test notices, and why that is right. */
export interface Accepted {
  readonly file: string;
  /** The function, method or constant that it stands in. */
  readonly within: string;
  /** The line as it would be. */
  readonly mutated: string;
  readonly reason: string;
}

/** The changes of one function that survive for one reason. */
function alike(
  file: string,
  within: string,
  reason: string,
  ...changes: readonly string[]
): readonly Accepted[] {
  return changes.map((mutated) => ({ file, within, mutated, reason }));
}

const REQUEST = 'lib/core/request.ts';
const ACCESS_TOKEN = 'lib/zitadel/callers/access-token.ts';
const CALLERS = 'lib/core/memory/remembered-callers.ts';
const COMPILE = 'lib/core/requirement/compile.ts';
const CASE = 'lib/core/decide/case.ts';
const DECIDE = 'lib/core/decide/decide.ts';
const PERMISSION = 'lib/core/decide/permission.ts';
const ROLE = 'lib/core/decide/role.ts';
const ROWS = 'lib/core/decide/rows.ts';
const LATE_LEASE =
  'a lease that ends with its caller may be compared with the clocks: that only costs time';
const NO_ID = 'the instance is looked up without an id';

export const ACCEPTED: readonly Accepted[] = [
  ...alike(
    REQUEST,
    'authorizationHeader',
    'the entry after the last one is undefined, which is no header',
    'for (let i = 0; i <= raw.length; i += 2) {',
    "if (name.length === 13 && name.toLowerCase() === 'authorization') seen += 1;",
  ),
  ...alike(
    REQUEST,
    'authorizationHeader',
    'the length only spares the comparison of other names',
    "if (true && name.toLowerCase() === 'authorization') seen += 1;",
  ),
  ...alike(
    REQUEST,
    'inUsualSpelling',
    'a header in its usual spelling comes out the same, only more slowly',
    'if (false) return header;',
    "if (header.endsWith('Bearer ') && header[7] !== ' ') return header;",
  ),
  ...alike(CALLERS, 'lengthOf', 'the credential is longer than a byte anyway', 'return 0 + 1;'),
  ...alike(
    CASE,
    'check',
    'only an id that was read, of a slot that is there, is checked',
    "const [id, name] = [open.ids[slot], open.compiled.names[slot] ?? ''];",
    "const [id, name] = [open.ids[slot] ?? 'mutant', open.compiled.names[slot] ?? ''];",
    "const [id, name] = [open.ids[slot] ?? '', open.compiled.names[slot]];",
    "const [id, name] = [open.ids[slot] ?? '', open.compiled.names[slot] ?? 'mutant'];",
  ),
  ...alike(
    CASE,
    'check',
    'to spread an empty list gives the same, more slowly',
    'open.checked = false ? [one] : [...open.checked, one];',
  ),
  ...alike(
    CASE,
    'checkRef',
    'only a project grant has this slot',
    'if (true && slots.project >= 0) {',
  ),
  ...alike(
    ROWS,
    'rowApart',
    'the same is checked once more where the rows are asked for',
    'if (false) return undefined;',
  ),
  ...alike(
    ROWS,
    'satisfies',
    'the entry after the last one is undefined, which is no role',
    'for (let i = 0; i <= row.roles.length; i += 1) {',
    'if (!roles.has(row.roles[i])) continue;',
    "if (!roles.has(row.roles[i] ?? 'mutant')) continue;",
  ),
  ...alike(
    DECIDE,
    'decideHome',
    'no list of ids has undefined in it',
    'return true && organizations.includes(home) ? YES : NO;',
  ),
  ...alike(
    PERMISSION,
    'decideOrg',
    NO_ID,
    "if (id === undefined || !(rowOf(open, 'instance', 'mutant') ?? rowOf(open, 'org', id))) return NO;",
  ),
  ...alike(
    PERMISSION,
    'decideProject',
    NO_ID,
    "if (!(rowOf(open, 'instance', 'mutant') ?? onProject ?? rowOf(open, 'org', wantedOwner))) return NO;",
  ),
  ...alike(PERMISSION, 'counts', NO_ID, "const everywhere = rowOf(open, 'instance', 'mutant');"),
  ...alike(
    PERMISSION,
    'decideGrantBetween',
    'where no states are asked for, the row of the grant tells nothing',
    'const row = false ? undefined : findGrantRow(open, ends, isIt);',
  ),
  ...alike(PERMISSION, 'decideGrant', NO_ID, "const instance = rowOf(open, 'instance', 'mutant');"),
  ...alike(
    PERMISSION,
    'decideGrantBetween',
    NO_ID,
    "const somewhere = rowOf(open, 'instance', 'mutant') ?? rowOf(open, 'org', grantedOrgId);",
  ),
  ...alike(
    ROLE,
    'decideRole',
    NO_ID,
    "const everywhere = held(open, 'instance', 'mutant', node.by.instance);",
  ),
  ...alike(
    PERMISSION,
    'decideGrant',
    'a part that has asked is not decided, whatever it returns but YES',
    'return true ? ASK : NO;',
    'return false ? ASK : NO;',
  ),
  ...alike(
    PERMISSION,
    'heldIn',
    'to look for the same once more changes nothing',
    'return everywhere === NO && true ? holds(node, open, orgId, on) : everywhere;',
  ),
  ...alike(
    ROLE,
    'allowOn',
    'it is never called for the instance: the compiler does not know',
    'if (true) checkRef(open, node.kind, node);',
    "if (node.kind !== '') checkRef(open, node.kind, node);",
  ),
  ...alike(
    ACCESS_TOKEN,
    'createJwtVerifier',
    'what is no text is in no set of texts: the compiler does not know',
    'if (false || !ALGORITHMS.has(alg)) return foreignAlgorithm(alg);',
  ),
  ...alike(
    ACCESS_TOKEN,
    'createJwtVerifier',
    'said twice for safety: the algorithm was compared with that of the key before',
    'await compactVerify(token, key.key, {});',
  ),
  ...alike(
    COMPILE,
    'slotOf',
    'only a literal has an id, and none is checked where there is none',
    'if (true) requireLiteral(source.id, idPattern);',
  ),
  ...alike(
    COMPILE,
    'sameSource',
    'a source of another kind has nothing that could be the same',
    "if (a.from === 'literal') return true && a.id === b.id;",
    "if (a.from === 'function') return true && a.read === b.read;",
    "if (a.from === 'class') return true && a.type === b.type;",
  ),
  ...alike(
    CALLERS,
    'remember',
    'a lease that is looked at twice only costs time, and none is an empty list',
    'this.#leases = true ? leases : undefined;',
    'this.#leases = leases.length >= 1 ? leases : undefined;',
  ),
  ...alike(CALLERS, 'KnownCaller', LATE_LEASE, '#endsEarly = true;'),
  ...alike(
    CALLERS,
    '#runs',
    LATE_LEASE,
    'if (lease.isOver || (true && !isValid(lease))) return false;',
  ),
  ...alike(CALLERS, 'remember', LATE_LEASE, 'this.#endsEarly = lease !== undefined && true;'),
  ...alike(
    CALLERS,
    'tailOf',
    'how much of a credential is the key only changes how fast it is found: all of it is compared',
    'const tailOf = (credential: string): string => credential;',
    'const tailOf = (credential: string): string => credential.slice(-16 + 1);',
    'const tailOf = (credential: string): string => credential.slice(16);',
  ),
  ...alike(
    CALLERS,
    'groupOf',
    'it only says where to look: each token that is found there is compared',
    "const groupOf = (id: string): string => '';",
  ),
  ...alike(
    CALLERS,
    'evictToken',
    'what stands in a group is there: the compiler does not know',
    'if (true && isRefusedBy(tokenIdOf(known.caller), id)) this.#callers.delete(key);',
  ),
  ...alike(
    CALLERS,
    'keep',
    'eight keys have a first one: the compiler does not know',
    'if (keys.size >= TOKENS_PER_USER && true) this.#callers.delete(oldest);',
  ),
  ...alike(
    CALLERS,
    'keep',
    'by the whole credential it is found as well, only more slowly',
    'this.#callers.set(true ? wholeOf(credential) : tail, caller);',
  ),
];
