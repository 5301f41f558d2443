import {
  allOf,
  anyOf,
  org,
  permission,
  project,
  projectGrant,
  role,
  type Requirement,
} from 'nestjs-zitadel/express';
import type { Places } from './crowd-world.js';

/** What is asked, in words and as a requirement. */
export interface CrowdQuestion {
  readonly text: string;
  readonly requirement: Requirement;
  /** API v1 alone can answer it: it evaluates permissions, and knows project grants by their ids. */
  readonly needs?: 'permissions' | 'grant ids';
}

/** Every kind of requirement, on resources where the people of the crowd hold something and on others. */
export function crowdQuestions(places: Places): readonly CrowdQuestion[] {
  const { home, acme, globex, initech, portal, tools, archive, nothing } = places;
  const { toolsToInitech, toolsToAcme, archiveToGlobex } = places;
  const named = new Map(Object.entries(places).map(([name, id]) => [id as string, name]));
  const name = (id: string) => named.get(id) ?? id;
  const questions: CrowdQuestion[] = [
    { text: 'IAM_OWNER', requirement: role('IAM_OWNER') },
    { text: 'IAM_OWNER_VIEWER', requirement: role('IAM_OWNER_VIEWER') },
  ];
  for (const id of [home, acme, globex, initech, nothing]) {
    for (const each of ['ORG_OWNER', 'ORG_OWNER_VIEWER'] as const) {
      questions.push({ text: `${each} of ${name(id)}`, requirement: role(each, org(id)) });
    }
  }
  const owned = [
    [portal, acme],
    [tools, globex],
    [archive, initech],
    [nothing, acme],
  ] as const;
  for (const [id, owner] of owned) {
    for (const each of ['PROJECT_OWNER', 'PROJECT_OWNER_VIEWER'] as const) {
      questions.push(
        { text: `${each} of ${name(id)}`, requirement: role(each, project(id)) },
        {
          text: `${each} of ${name(id)} in ${name(owner)}`,
          requirement: role(each, project(id).in(owner)),
        },
        {
          text: `${each} of ${name(id)} in ${name(initech)} or ${name(acme)}`,
          requirement: anyOf(role(each, project(id).in(initech)), role(each, project(id).in(acme))),
        },
      );
    }
  }
  const grants = [
    [toolsToInitech, tools, initech],
    [toolsToAcme, tools, acme],
    [archiveToGlobex, archive, globex],
    [nothing, portal, globex],
  ] as const;
  for (const [id, projectId, grantedOrg] of grants) {
    for (const each of ['PROJECT_GRANT_OWNER', 'PROJECT_GRANT_OWNER_VIEWER'] as const) {
      const ends = projectGrant({ project: projectId, grantedOrg });
      const between = `${each} of ${name(projectId)} granted to ${name(grantedOrg)}`;
      questions.push(
        { text: between, requirement: role(each, ends) },
        {
          text: `${each} of the grant ${name(id)}`,
          requirement: role(each, projectGrant(id)),
          needs: 'grant ids',
        },
      );
    }
  }
  const permissions = [
    ['org.read', org(acme), 'acme'],
    ['project.grant.write', org(acme), 'acme'],
    ['project.grant.write', org(globex), 'globex'],
    ['project.grant.write', project(portal).in(acme), 'portal in acme'],
    ['project.grant.write', project(tools).in(globex), 'tools in globex'],
    ['project.grant.write', project(tools).in(acme), 'tools in acme'],
    [
      'project.grant.member.write',
      projectGrant({ project: tools, grantedOrg: initech }),
      'tools granted to initech',
    ],
    [
      'project.grant.member.write',
      projectGrant(toolsToInitech),
      'the grant toolsToInitech',
      'grant ids',
    ],
    [
      'project.grant.member.read',
      projectGrant(archiveToGlobex),
      'the grant archiveToGlobex',
      'grant ids',
    ],
  ] as const;
  for (const [which, on, where, needs = 'permissions'] of permissions) {
    questions.push({
      text: `${which} on ${where}`,
      requirement: permission(which, on),
      needs,
    });
  }
  const ownsAcme = role('ORG_OWNER', org(acme));
  const ownsTools = role('PROJECT_OWNER', project(tools));
  const managesGrant = role(
    'PROJECT_GRANT_OWNER',
    projectGrant({ project: archive, grantedOrg: globex }),
  );
  const ownsPortal = role('PROJECT_OWNER', project(portal).in(acme));
  const views = role('IAM_OWNER_VIEWER');
  questions.push(
    { text: 'all rightful rows together', requirement: allOf(ownsAcme, ownsTools, managesGrant) },
    { text: 'an organization or the instance', requirement: anyOf(ownsAcme, views) },
    { text: 'a project or a grant', requirement: anyOf(ownsTools, managesGrant) },
    { text: 'a project and a grant', requirement: allOf(ownsPortal, managesGrant) },
    {
      text: 'nested',
      requirement: anyOf(allOf(views, ownsAcme), allOf(ownsTools, anyOf(managesGrant, ownsAcme))),
    },
    {
      text: 'what nobody holds, or an organization',
      requirement: anyOf(role('ORG_OWNER', org(nothing)), allOf(ownsAcme, ownsPortal)),
    },
  );
  return questions;
}
