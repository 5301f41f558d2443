const MEMBERS = ['added', 'changed', 'removed', 'cascade.removed'];
const USER_GRANTS = [
  ...['added', 'changed', 'removed', 'deactivated', 'reactivated'],
  ...['cascade.changed', 'cascade.removed'],
];
const STATES = ['added', 'changed', 'deactivated', 'reactivated', 'removed'];

/**
 * The events that a condition may name. ZITADEL knows some four hundred, this is what the emulator makes, and what else changes what
 * somebody may do.
 */
const EVENT_TYPES: readonly string[] = [
  ...named('instance', ['added', 'changed', 'removed']),
  ...['instance', 'org', 'project', 'project.grant'].flatMap((on) =>
    named(`${on}.member`, MEMBERS),
  ),
  ...named('org', STATES),
  ...named('project', STATES),
  ...named('project.role', ['added', 'changed', 'removed']),
  ...named('project.grant', [...STATES, 'cascade.changed']),
  ...named('user', ['deactivated', 'reactivated', 'locked', 'unlocked', 'removed']),
  ...named('user', ['human.added', 'human.signed.out', 'machine.added']),
  ...named('user', ['token.added', 'token.removed', 'token.v2.added']),
  ...named('user', ['pat.added', 'pat.removed', 'machine.key.added', 'machine.key.removed']),
  ...named('user.grant', USER_GRANTS),
  ...named('session', ['added', 'terminated']),
  ...named('oidc_session', ['added', 'access_token.added', 'access_token.revoked']),
  ...named('oidc_session.refresh_token', ['added', 'renewed', 'revoked']),
  ...named('target', ['added', 'changed', 'removed']),
  ...named('execution.v2', ['set', 'removed']),
];

export function isEventType(type: string): boolean {
  return EVENT_TYPES.includes(type);
}

/** Whether any known event begins with it. */
export function isEventGroup(group: string): boolean {
  return EVENT_TYPES.some((type) => type.startsWith(group));
}

function named(prefix: string, ends: readonly string[]): string[] {
  return ends.map((end) => `${prefix}.${end}`);
}
