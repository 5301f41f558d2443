import { type Decision, DENIAL, type DenyReason } from '../../core/decision.js';
import { ZitadelError } from '../../core/errors.js';
import { has, own, withoutInheritance } from '../../core/own-properties.js';
import { authenticated } from '../../core/requirement/builders.js';
import { sourceText } from '../../core/requirement/refs.js';
import {
  type Requirement,
  requirementText,
  type RoleRequirement,
} from '../../core/requirement/requirement.js';
import { type HierarchyTable, satisfying } from '../../core/requirement/roles.js';
import { type Explanation, ZitadelNotAllowedError } from '../../core/zitadel-authorizer.js';
import { createZitadel, type Zitadel } from '../../create-zitadel.js';
import type { ZitadelOptions } from '../../options.js';
import { ApplicationError } from '../application.js';
import { accessAt, optionsOfApplication } from '../application-looks.js';
import { type Command, EXIT, UsageError } from '../command.js';
import {
  callerToken,
  type Environment,
  optionsFromEnvironment,
  withEnvFile,
} from '../environment.js';
import { coloured, type Terminal } from '../terminal.js';
import { type Asked, HELP, read, withIds } from './asked.js';

/** What is asked, and whether somebody may act as another user there. */
interface Question {
  readonly requirement: Requirement;
  readonly forActors: boolean;
  /** The name of the `ZitadelModule` that is asked. Undefined: the one without. */
  readonly zitadel: string | undefined;
}

/** What came of it. With `--json` it is what is written. */
interface Answer {
  readonly exitCode: number;
  readonly allowed?: boolean;
  readonly reason?: DenyReason;
  readonly message?: string;
  readonly explanation?: Explanation;
  readonly wouldAllow?: readonly string[];
  readonly error?: string;
}

/** `explain`. */
export const command: Command = {
  help: HELP,
  async run(args, terminal) {
    const asked = read(args);
    const env = withEnvFile(terminal.env, asked.envFile);
    let answer: Answer;
    try {
      answer = await answerTo(asked, env, terminal);
    } catch (error) {
      if (!(error instanceof ZitadelError || error instanceof ApplicationError)) throw error;
      answer =
        error instanceof ZitadelNotAllowedError
          ? ofNo(error.decision.reason, error.decision.detail)
          : { exitCode: EXIT.failed, error: error.message };
    }
    if (terminal.stop.aborted) return EXIT.interrupted;
    if (asked.json) terminal.out(JSON.stringify(answer));
    else report(answer, terminal);
    return answer.exitCode;
  },
};

async function answerTo(asked: Asked, env: Environment, terminal: Terminal): Promise<Answer> {
  const question = await questionOf(asked);
  if (!has(question, 'requirement')) return question;
  const options = await optionsOf(asked, question.zitadel, env);
  const error = asked.user === undefined ? undefined : unreadable(asked, options, env);
  if (error !== undefined) return { exitCode: EXIT.failed, error };
  const token = asked.user === undefined ? await callerToken(env, terminal, NOBODY) : undefined;
  // What the library has to say must not mix with the answer.
  const tell = (text: string): void => terminal.tell(text);
  const logger = { log: () => undefined, warn: tell, error: tell, debug: () => undefined };
  const zitadel = createZitadel({ ...options, logger });
  try {
    return await ask(zitadel, question, asked.user, token);
  } finally {
    await zitadel.close();
  }
}

/** What is asked, or the answer where nobody needs to be asked. @throws UsageError */
async function questionOf({
  app,
  name,
  route,
  ids,
  requirement,
}: Asked): Promise<Question | Answer> {
  if (requirement) return { requirement, forActors: false, zitadel: name };
  const access = await accessAt(app ?? '', route ?? '');
  const { zitadel, forActors } = access;
  if (name !== undefined && name !== zitadel) {
    throw new UsageError(
      `${route} asks the ZITADEL ${zitadel ?? 'without a name'}: leave out --name, since the route says it`,
    );
  }
  const open = !access.guarded
    ? 'Nothing of nestjs-zitadel guards this: everybody gets in.'
    : access.access === 'public'
      ? 'It is public: everybody gets in, and no token is read.'
      : undefined;
  if (open !== undefined) return { exitCode: EXIT.done, allowed: true, message: open };
  if (access.requirement) {
    return { requirement: withIds(access.requirement, ids), forActors, zitadel };
  }
  const message = 'It declares nothing, so nobody gets in.';
  return { exitCode: EXIT.notInOrder, allowed: false, message };
}

/** Without what runs beside requests, or is shared with others. @throws UsageError */
async function optionsOf(
  { app }: Asked,
  name: string | undefined,
  env: Environment,
): Promise<ZitadelOptions> {
  if (app === undefined) return optionsFromEnvironment(env);
  const { options } = await optionsOfApplication(app, name);
  const left = Object.entries(withoutInheritance(options)).filter(([key]) => !BESIDE.has(key));
  return Object.fromEntries(left) as unknown as ZitadelOptions;
}

/** Why nobody can be asked about by their id. */
function unreadable({ app }: Asked, options: ZitadelOptions, env: Environment): string | undefined {
  const isSeveral = own(options, 'instances') !== undefined;
  const reads = own(own(options, 'memberships'), 'as') === 'serviceUser';
  const names = ['ZITADEL_SERVICE_USER_KEY', 'ZITADEL_ORGANIZATIONS'];
  const missing = app === undefined ? names.filter((name) => !env[name]) : [];
  if (isSeveral || (reads && missing.length === 0)) return undefined;
  const set =
    app === undefined
      ? `set ${missing.join(' and ')}${missing.includes('ZITADEL_ORGANIZATIONS') ? ' (* means all)' : ''}`
      : "write memberships: { as: 'serviceUser' } and serviceUser into the options of the application";
  return `--user needs a service user that reads memberships: ${set}, or give a token of theirs (ZITADEL_TOKEN, or the standard input) instead of --user`;
}

const BESIDE: ReadonlySet<string> = new Set([
  'boot',
  'cache',
  'events',
  'isGlobal',
  'logger',
  'name',
  'openPaths',
  'publicControllers',
  'redis',
  'requestProperty',
  'strict',
  'telemetry',
  'token',
]);

const NOBODY = 'say about whom: --user <id>, or a token in ZITADEL_TOKEN or on the standard input';

async function ask(
  { authorizer, decisions }: Zitadel,
  { requirement, forActors }: Question,
  user: string | undefined,
  token: string | undefined,
): Promise<Answer> {
  let who: Parameters<typeof authorizer.explain>[0] = user ?? '';
  if (token !== undefined) {
    const request = { headers: { authorization: `Bearer ${token}` } };
    const settings = { allowImpersonation: forActors };
    const decision: Decision = await authorizer.authorize(request, authenticated(), settings);
    if (!decision.allowed) return ofNo(decision.reason, decision.detail);
    who = decision.caller;
  }
  const explanation = await authorizer.explain(who, requirement);
  const { allowed, reason } = explanation;
  if (allowed) return { exitCode: EXIT.done, allowed, explanation };
  return {
    exitCode: EXIT.notInOrder,
    allowed,
    ...(reason && { reason, message: DENIAL[reason].message }),
    explanation,
    wouldAllow: wouldAllow(requirement, decisions.hierarchyOf(who)),
  };
}

/** An outage and a wrong setup are no denial. */
function ofNo(reason: DenyReason, detail: string | undefined): Answer {
  const { status, message } = DENIAL[reason];
  const text = detail === undefined ? message : `${message} (${detail})`;
  return status >= 500
    ? { exitCode: EXIT.failed, reason, error: text }
    : { exitCode: EXIT.notInOrder, allowed: false, reason, message: text };
}

function report(answer: Answer, terminal: Terminal): void {
  const { allowed, reason, message, explanation, error } = answer;
  if (allowed === undefined) {
    const why = reason === undefined ? '' : `${reason}: `;
    terminal.tell(coloured(terminal, 'red', `Not known. ${why}${error ?? ''}`));
    return;
  }
  const head = allowed
    ? coloured(terminal, 'green', 'Allowed.')
    : coloured(terminal, 'red', `Denied${reason === undefined ? '' : ` (${reason})`}.`);
  terminal.out(message === undefined ? head : `${head} ${message}`);
  if (explanation) terminal.out(partText(explanation, '  '));
  if (answer.wouldAllow) terminal.out(`It would take:\n  ${answer.wouldAllow.join('\n  ')}`);
}

function partText(part: Explanation, indent: string): string {
  const { requirement, allowed, by, ageMs, from, parts } = part;
  const row = by
    ? `\n${indent}  by ${by.roles.join(' | ')} on ${by.kind}${by.id === '' ? '' : ` ${by.id}`}`
    : '';
  const read =
    ageMs === undefined ? '' : `\n${indent}  read from ${from ?? 'zitadel'} ${ageMs} ms ago`;
  const inner = parts.map((each) => `\n${partText(each, `${indent}  `)}`).join('');
  return `${indent}${allowed ? 'yes' : 'no '} ${requirement}${row}${read}${inner}`;
}

/** What somebody could be given so that a requirement holds, in words. In an `allOf`, each line is needed. */
function wouldAllow(requirement: Requirement, table: HierarchyTable): readonly string[] {
  switch (requirement.type) {
    case 'allOf':
      return requirement.of.flatMap((each) => wouldAllow(each, table));
    case 'anyOf':
      return [requirement.of.map((each) => wouldAllow(each, table).join(' and ')).join('; or ')];
    case 'role':
      return [rowsFor(requirement, table)];
    case 'permission':
      return [`a role that has ${requirementText(requirement)}`];
    case 'projectRole':
      return [`an authorization that gives ${requirementText(requirement)}`];
    case 'authenticated':
      return requirement.organizations
        ? [`a user of org ${requirement.organizations.join(' | ')}`]
        : ['a token that ZITADEL accepts'];
  }
}

/** Where each kind of membership must stand so that it counts. */
function rowsFor({ roles, kind, ref }: RoleRequirement, table: HierarchyTable): string {
  const by = satisfying(table, roles);
  const id = ref && Object.hasOwn(ref, 'source') ? ` ${sourceText((ref as never)['source'])}` : '';
  const places = {
    projectGrant: `the project grant${id}`,
    project: `the project${id}`,
    org: kind === 'org' ? `the organization${id}` : OWNERS[kind],
    instance: 'the instance',
  };
  return (['projectGrant', 'project', 'org', 'instance'] as const)
    .filter((each) => by[each].size > 0)
    .map((each) => `${[...by[each]].join(' | ')} on ${places[each]}`)
    .join(', or ');
}

const OWNERS = {
  instance: '',
  org: '',
  project: 'the organization that owns it',
  projectGrant: 'the organization that it is granted to',
} as const;
