import type { Chapter } from './recording.js';

/**
 * Why an entry is not replayed: a verb did it at this place, a person's browser does it at this place,
 * or the emulator answers 501 to it.
 */
export type Because = 'verb' | 'page' | 'not emulated';

export interface LeftOut {
  readonly chapter: Chapter;
  readonly entry: number;
  readonly name: string;
  readonly because: Because;
  readonly reason: string;
}

const VERB = 'changes the world: done with a verb at this place';
const REFUSED =
  'would change the world: tried with a verb at this place, which refuses with the same id';
const EXCHANGE = 'not emulated (501): the library exchanges no tokens, a verb makes the same one';
const USER_GRANTS =
  'not emulated (501): the library never lists user grants, their roles are seen in tokens';
const SECURITY =
  'not emulated (501): impersonation needs no policy here, tokens are made with a verb';

/** Entries that are not sent to the emulator, and why. */
export const LEFT_OUT: readonly LeftOut[] = [
  row('human', 0, 'create OIDC app', 'verb', VERB),
  row('human', 2, 'create session', 'page', 'done on the sign-in page at this place'),
  row('human', 3, 'finish authorization', 'page', 'done on the sign-in page at this place'),
  row('memberships', 1, 'project grant member frank', 'verb', VERB),
  row('memberships', 2, 'IAM member frank', 'verb', VERB),
  row('memberships', 37, 'org member with an IAM role', 'verb', REFUSED),
  row('memberships', 38, 'instance member with an org role', 'verb', REFUSED),
  row('memberships', 39, 'grant member with a project role', 'verb', REFUSED),
  row('memberships', 40, 'project member with a grant role', 'verb', VERB),
  row('memberships', 47, 'terminate the session of hank', 'verb', VERB),
  row('grants-v2', 29, 'cascade: user grant on the granted project', 'verb', VERB),
  row('grants-v2', 31, 'cascade: user grants after the v2 update', 'not emulated', USER_GRANTS),
  row('grants-v2', 33, 'cascade: user grants after writer came back', 'not emulated', USER_GRANTS),
  row('grants-v2', 35, 'cascade: user grants after the v1 update', 'not emulated', USER_GRANTS),
  row('inactive', 4, 'deactivate project', 'verb', VERB),
  row('inactive', 8, 'reactivate project', 'verb', VERB),
  row('inactive', 9, 'deactivate org', 'verb', VERB),
  row('inactive', 13, 'reactivate org', 'verb', VERB),
  row('impersonation', 0, 'allow impersonation', 'not emulated', SECURITY),
  row('impersonation', 1, 'org member svc-actor', 'verb', VERB),
  row('impersonation', 2, 'create OIDC app for token exchange', 'verb', VERB),
  row('impersonation', 3, 'exchange: user id with an actor', 'not emulated', EXCHANGE),
  row('webhooks', 8, 'org member added', 'verb', VERB),
  row('webhooks', 9, 'org member changed', 'verb', VERB),
  row('webhooks', 10, 'org member removed', 'verb', VERB),
  row('webhooks', 11, 'iam member added', 'verb', VERB),
  row('webhooks', 12, 'iam member removed', 'verb', VERB),
  row('webhooks', 13, 'project member added', 'verb', VERB),
  row('webhooks', 14, 'project member removed', 'verb', VERB),
  row('webhooks', 15, 'grant member added', 'verb', VERB),
  row('webhooks', 16, 'project grant removed', 'verb', VERB),
  row('webhooks', 17, 'org member added again', 'verb', VERB),
  row('webhooks', 18, 'user deactivated', 'verb', VERB),
  row('webhooks', 19, 'user removed', 'verb', VERB),
];

function row(
  chapter: Chapter,
  entry: number,
  name: string,
  because: Because,
  reason: string,
): LeftOut {
  return { chapter, entry, name, because, reason };
}
