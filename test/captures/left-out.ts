import type { Chapter } from './recording.js';

export interface LeftOut {
  readonly chapter: Chapter;
  readonly entry: number;
  readonly name: string;
  readonly reason: string;
}

const INTROSPECTION = 'introspection is not emulated (501)';
const CONNECT = 'the connect APIs (v2) are not emulated (501)';
const VERB = 'builds the world: done with a verb at this place';

/** Entries that are not sent to the emulator, and why. */
export const LEFT_OUT: readonly LeftOut[] = [
  row('human', 0, 'create OIDC app', VERB),
  row('human', 2, 'create session', 'the emulator has a sign-in page instead, used at this place'),
  row('human', 3, 'finish authorization', 'the emulator has a sign-in page instead'),
  row('memberships', 1, 'project grant member frank', VERB),
  row('memberships', 2, 'IAM member frank', VERB),
  row('memberships', 37, 'org member with an IAM role', `${VERB}, which refuses with the same id`),
  row(
    'memberships',
    38,
    'instance member with an org role',
    `${VERB}, which refuses with the same id`,
  ),
  row(
    'memberships',
    39,
    'grant member with a project role',
    `${VERB}, which refuses with the same id`,
  ),
  row('memberships', 40, 'project member with a grant role', VERB),
  row('memberships', 44, 'token of a deactivated user', INTROSPECTION),
  row('memberships', 47, 'terminate the session of hank', VERB),
  row('memberships', 49, 'token after its session was terminated', INTROSPECTION),
  row('projects', 5, 'v2 get project', CONNECT),
  row('projects', 6, 'v2 get unknown project', CONNECT),
  row('projects', 7, 'v2 get project by nobody', CONNECT),
  row('inactive', 2, 'grant owner, grant inactive', 'effective permissions are not emulated (501)'),
  row('inactive', 4, 'deactivate project', VERB),
  row('inactive', 7, 'JWT access token, project of the client inactive', INTROSPECTION),
  row('inactive', 8, 'reactivate project', VERB),
  row('inactive', 9, 'deactivate org', VERB),
  row('inactive', 12, 'JWT access token, org inactive', INTROSPECTION),
  row('inactive', 13, 'reactivate org', VERB),
];

function row(chapter: Chapter, entry: number, name: string, reason: string): LeftOut {
  return { chapter, entry, name, reason };
}
