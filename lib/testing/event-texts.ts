/** English names, of what they are known of. */
const AGGREGATES: Readonly<Record<string, string>> = {
  instance: 'Instance',
  org: 'Organization',
  project: 'Project',
  user: 'User',
};

const EVENTS: Readonly<Record<string, string>> = {
  'instance.added': 'Instance added',
  'instance.member.added': 'Instance member added',
  'instance.member.removed': 'Instance member removed',
  'org.added': 'Organization added',
  'org.deactivated': 'Organization deactivated',
  'org.member.added': 'Organization member added',
  'org.member.changed': 'Organization member changed',
  'org.member.removed': 'Organization member removed',
  'org.member.cascade.removed': 'Organization member cascade removed',
  'project.member.added': 'Project member added',
  'project.grant.added': 'Management access added',
  'project.grant.deactivated': 'Management access deactivated',
  'project.grant.removed': 'Management access removed',
  'project.grant.member.added': 'Management access member added',
  'user.deactivated': 'User deactivated',
  'user.removed': 'User removed',
};

export function aggregateTypeJson(type: string): object {
  return typeJson(type, `AggregateTypes.${type}`, AGGREGATES[type]);
}

export function eventTypeJson(type: string): object {
  return typeJson(type, `EventTypes.${type}`, EVENTS[type]);
}

function typeJson(type: string, key: string, localizedMessage: string | undefined): object {
  return localizedMessage === undefined ? { type } : { type, localized: { key, localizedMessage } };
}
