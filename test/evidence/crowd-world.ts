import { ZitadelEmulator, type MemberResource, type User } from 'nestjs-zitadel/testing';

/** The rows that somebody holds rightfully, by kind. */
export type Own =
  | 'all kinds'
  | 'an organization'
  | 'the granted organization'
  | 'a project'
  | 'a project grant'
  | 'the instance'
  | 'none';

/** Somebody whom a foreign organization made a member of its projects, and the twin whom it left alone. */
export interface Pair {
  readonly own: Own;
  readonly crowded: Person;
  readonly twin: Person;
}

export interface Person {
  readonly id: string;
  readonly token: string;
}

/** Ids of what there is. */
export interface Places {
  /** Everybody lives here, and manages nothing in it. */
  readonly home: string;
  readonly acme: string;
  readonly globex: string;
  readonly initech: string;
  readonly foreign: string;
  /** Projects of acme, globex and initech. */
  readonly portal: string;
  readonly tools: string;
  readonly archive: string;
  /** tools, granted to initech and to acme; archive, granted to globex. */
  readonly toolsToInitech: string;
  readonly toolsToAcme: string;
  readonly archiveToGlobex: string;
  /** One of the crowd. */
  readonly foreignProject: string;
  readonly nothing: string;
}

export interface CrowdWorld {
  readonly emulator: ZitadelEmulator;
  readonly places: Places;
  readonly pairs: readonly Pair[];
  /** The token of a service user that reads everything. */
  readonly reader: string;
  /** Foreign rows of each crowded person. */
  readonly rows: number;
}

export interface CrowdSettings {
  readonly rows: number;
  readonly owns: readonly Own[];
  /** The crowd was there before the rightful rows, or came after them. */
  readonly crowd: 'first' | 'last';
  /** Names as long as ZITADEL allows, so that fewer rows fit into an answer. */
  readonly longNames: boolean;
}

/** Four organizations that work together, and a foreign one that makes people members of its projects without asking them. */
export async function createCrowdWorld(settings: CrowdSettings): Promise<CrowdWorld> {
  const { rows, owns, crowd, longNames } = settings;
  const emulator = await ZitadelEmulator.start();
  const [home, acme, globex, initech, foreign] = [
    'home',
    'acme',
    'globex',
    'initech',
    'foreign',
  ].map((name) => emulator.addOrg(name).id) as [string, string, string, string, string];
  const portal = emulator.addProject('portal', { org: acme });
  const tools = emulator.addProject('tools', { org: globex, roles: ['user'] });
  const archive = emulator.addProject('archive', { org: initech, roles: ['user'] });
  const toolsToInitech = emulator.grantProject(tools, initech, ['user']);
  const toolsToAcme = emulator.grantProject(tools, acme, ['user']);
  const archiveToGlobex = emulator.grantProject(archive, globex, ['user']);
  const service = emulator.addServiceUser('reader', { org: home });
  emulator.addMember(service, 'instance', ['IAM_OWNER_VIEWER']);

  const padding = longNames ? '\u4e2d'.repeat(190) : '';
  const projects = Array.from({ length: rows }, (_, i) =>
    emulator.addProject(`${i} ${padding}`, { org: foreign }),
  );

  const rightful: Readonly<Record<Exclude<Own, 'all kinds' | 'none'>, [MemberResource, string]>> = {
    'an organization': [{ org: acme }, 'ORG_OWNER'],
    'the granted organization': [{ org: initech }, 'ORG_OWNER'],
    'a project': [{ project: tools }, 'PROJECT_OWNER'],
    'a project grant': [{ projectGrant: toolsToInitech }, 'PROJECT_GRANT_OWNER'],
    'the instance': ['instance', 'IAM_OWNER_VIEWER'],
  };
  const rowsOf = (own: Own): readonly [MemberResource, string][] => {
    if (own === 'none') return [];
    if (own !== 'all kinds') return [rightful[own]];
    return [
      rightful['an organization'],
      rightful['a project'],
      [{ projectGrant: archiveToGlobex }, 'PROJECT_GRANT_OWNER'],
      [{ org: initech }, 'ORG_OWNER_VIEWER'],
    ];
  };
  const pairs = owns.map((own, number): Pair => {
    const crowded = emulator.addUser(`crowded-${number}`, { org: home });
    const twin = emulator.addUser(`twin-${number}`, { org: home });
    const addOwn = (user: User) => {
      for (const [on, role] of rowsOf(own)) emulator.addMember(user, on, [role]);
    };
    if (crowd === 'last') addOwn(crowded);
    for (const project of projects) emulator.addMember(crowded, { project }, ['PROJECT_OWNER']);
    if (crowd === 'first') addOwn(crowded);
    addOwn(twin);
    const person = ({ id }: User) => ({ id, token: emulator.tokenFor(id) });
    return { own, crowded: person(crowded), twin: person(twin) };
  });
  return {
    emulator,
    pairs,
    reader: emulator.patFor(service),
    rows,
    places: {
      home,
      acme,
      globex,
      initech,
      foreign,
      portal: portal.id,
      tools: tools.id,
      archive: archive.id,
      toolsToInitech: toolsToInitech.id,
      toolsToAcme: toolsToAcme.id,
      archiveToGlobex: archiveToGlobex.id,
      foreignProject: projects[Math.floor(rows / 2)]?.id ?? '',
      nothing: '999999999999999999',
    },
  };
}
