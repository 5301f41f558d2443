import type { Membership } from '../../core/caller.js';
import { DENIAL, type Refusal } from '../../core/decision.js';
import { own } from '../../core/own-properties.js';
import { isError } from '../../core/decision.js';
import { coloured, type Terminal } from '../terminal.js';
import type { Asked, Checked } from './check.js';
import { audienceOf, type Form, KINDS, shown, usesOf } from './form.js';

/** What is known about a token. */
export interface Explained {
  readonly form: Form;
  /** Undefined: nothing that can be seen without ZITADEL speaks against it. */
  readonly refused: Refusal | undefined;
  /** Undefined: ZITADEL was not asked. */
  readonly checked: Checked | undefined;
  readonly asked: Asked;
}

/** Claims that have a line of their own, or tell nobody anything. */
const KNOWN =
  /^(?:iss|sub|aud|exp|iat|nbf|jti|client_id|act|active|scope|token_type|auth_time|azp|at_hash|nonce|amr|sid|username|urn:zitadel:.*)$/;

/** What the token says, or ZITADEL about it. Nothing in here lets anybody in. */
function factsOf(claims: Readonly<Record<string, unknown>>) {
  const text = (name: string, value = own(claims, name)) =>
    value === undefined ? undefined : shown(value);
  const time = (name: string) => {
    const seconds = own(claims, name);
    const isTime = Number.isSafeInteger(seconds) && Math.abs(Number(seconds)) < 8e12;
    return isTime ? new Date(Number(seconds) * 1_000).toISOString() : undefined;
  };
  return {
    userId: text('sub'),
    clientId: text('client_id'),
    issuer: text('iss'),
    audience: audienceOf(claims)?.map(shown),
    issuedAt: time('iat'),
    expiresAt: time('exp'),
    actor: Object.hasOwn(claims, 'act') ? shown(own(claims['act'], 'sub')) : undefined,
    otherClaims: Object.keys(claims)
      .filter((name) => !KNOWN.test(name))
      .map(shown),
  };
}

/** Who is spoken of: what ZITADEL says counts for more than what the token says of itself. */
function contentOf({ form, checked, asked }: Explained) {
  const accepted = checked?.refused === undefined ? checked : undefined;
  const claims = accepted?.caller.claims ?? form.claims;
  const facts: Partial<ReturnType<typeof factsOf>> = claims ? factsOf(claims) : {};
  const isAccessToken = form.kind !== 'idToken' && form.kind !== 'assertion';
  const uses = claims && isAccessToken ? usesOf(claims, asked.projectId) : [];
  const [asCaller, ...others] = uses;
  if (!asCaller || accepted?.as !== 'caller') return { facts, uses };
  const proven = { ...asCaller, there: true, why: 'ZITADEL has shown them for this token' };
  return { facts, uses: [proven, ...others] };
}

const ROW = (row: Membership): string =>
  `${row.roles.map(shown).join(', ')} on ${row.kind === 'instance' ? 'the instance' : `${row.kind} ${shown(row.id)}`}`;

/** One object, on one line. */
export function asJson(explained: Explained, exitCode: number): string {
  const { form, refused, checked } = explained;
  const { facts, uses } = contentOf(explained);
  return JSON.stringify({
    exitCode,
    usable: exitCode === 0,
    kind: form.kind,
    ...facts,
    uses,
    refused: refused && withoutRest(refused),
    zitadel:
      checked &&
      (checked.refused
        ? { accepted: false, refused: withoutRest(checked.refused) }
        : {
            accepted: true,
            memberships: checked.memberships.map(({ kind, id, roles }) => ({ kind, id, roles })),
            complete: checked.complete,
          }),
  });
}

const withoutRest = ({ reason, detail, got, remedy }: Refusal) => ({ reason, detail, got, remedy });

/** For a person. */
export function asText(explained: Explained, terminal: Terminal): string {
  const { form } = explained;
  const { facts, uses } = contentOf(explained);
  const rows = [
    ['user', facts.userId],
    ['acts for it', facts.actor],
    ['client', facts.clientId],
    ['audience', facts.audience && (facts.audience.join(', ') || 'nobody')],
    ['issuer', facts.issuer],
    ['issued', facts.issuedAt && `${facts.issuedAt} (${apart(facts.issuedAt)})`],
    ['valid until', facts.expiresAt && `${facts.expiresAt} (${apart(facts.expiresAt)})`],
    ['other claims', facts.otherClaims?.join(', ')],
  ].filter(([, value]) => value !== undefined && value !== '');
  const signs = uses.map(({ what, there, why }) => {
    const [sign, colour] =
      there === undefined
        ? (['?', 'yellow'] as const)
        : there
          ? (['+', 'green'] as const)
          : (['-', 'red'] as const);
    return `  ${coloured(terminal, colour, sign)} ${what}\n      ${why}`;
  });
  return [
    `This is ${KINDS[form.kind]}.`,
    ...(rows.length > 0
      ? [rows.map(([name, value]) => `  ${name?.padEnd(14)}${value}`).join('\n')]
      : []),
    ...(signs.length > 0 ? [`What it is enough for:\n${signs.join('\n')}`] : []),
    outcome(explained, terminal),
  ].join('\n\n');
}

function outcome({ refused, checked, asked, form }: Explained, terminal: Terminal): string {
  if (refused) {
    const unasked = asked.check ? '\nZITADEL was not asked: the token does not get that far.' : '';
    return coloured(terminal, 'red', `Not usable: ${wordsOf(refused)}${unasked}`);
  }
  if (!checked) return coloured(terminal, 'green', unchecked(asked, form));
  if (checked.refused) {
    const words = wordsOf(checked.refused);
    return isError(checked.refused.reason)
      ? coloured(terminal, 'yellow', `Not known: ${words}`)
      : coloured(terminal, 'red', `Not usable: ${words}`);
  }
  const { memberships, complete, as } = checked;
  const list = memberships.slice(0, 20).map((row) => `  ${ROW(row)}`);
  const more = memberships.length - list.length;
  return [
    coloured(terminal, 'green', `Usable: ZITADEL accepts it.`),
    memberships.length === 0
      ? 'Its user has no manager roles.'
      : `The manager roles of its user, read as the ${as === 'caller' ? 'caller' : 'service user'}${complete ? '' : ' (not all of them: the list is over its cap)'}:`,
    ...list,
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join('\n');
}

function unchecked({ issuer, audience }: Asked, { claims }: Form): string {
  if (!claims) return 'Nothing speaks against it. Only ZITADEL knows more: --check asks.';
  const not = [
    ...(issuer === undefined ? ['the issuer (ZITADEL_ISSUER is not set)'] : []),
    ...(audience === undefined ? ['the audience (ZITADEL_PROJECT_ID is not set)'] : []),
  ];
  const compared = not.length > 0 ? ` Not compared: ${not.join(' and ')}.` : '';
  return `Usable, if its signature is right and ZITADEL still accepts it: --check asks.${compared}`;
}

/** As the log has it. */
function wordsOf({ reason, detail = '', got, remedy }: Refusal): string {
  const { status } = DENIAL[reason];
  const toDo = remedy === undefined ? '' : `\nWhat to do: ${remedy}.`;
  return `${got === undefined ? detail : `${detail} (${got})`}. This library answers ${status} ${reason}.${toDo}`;
}

function apart(time: string): string {
  const seconds = Math.round((Date.parse(time) - Date.now()) / 1_000);
  const size = Math.abs(seconds);
  const [amount, unit] =
    size < 120
      ? [size, 's']
      : size < 7_200
        ? [size / 60, 'min']
        : size < 172_800
          ? [size / 3_600, 'h']
          : [size / 86_400, 'days'];
  const length = `${Math.round(Number(amount))} ${unit}`;
  return seconds < 0 ? `${length} ago` : `in ${length}`;
}
