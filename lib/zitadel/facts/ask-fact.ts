import type { GrantFact } from '../../core/decide/case.js';
import type { Refusal } from '../../core/decision.js';
import type { Call } from '../call.js';
import { grantFrom } from '../grants/project-grant.js';
import { isRecord } from '../reading.js';
import { NO_GRANT_IDS } from '../refusals.js';
import { aboutSomethingElse, type Ask, askFact, type Fact } from './known-facts.js';

/**
 * Asks which organization owns a project. API v1 (Get Project, `GET /management/v1/projects/{id}`) finds a project only under its owner.
 * API v2 (`GetProject` of `zitadel.project.v2`) shows it to all who may see it.
 */
export function askOwner(projectId: string): Ask {
  const v1: Call = {
    family: 'project',
    method: 'GET',
    path: `/management/v1/projects/${encodeURIComponent(projectId)}`,
  };
  const v2: Call = {
    family: 'project',
    method: 'POST',
    path: '/zitadel.project.v2.ProjectService/GetProject',
    json: { projectId },
  };
  return (source, question) =>
    source.generation.ask((generation) =>
      generation === 'v1'
        ? askFact(source, question, v1, ({ project }) => {
            const details: unknown = isRecord(project) ? project['details'] : undefined;
            const owner = isRecord(details) ? details['resourceOwner'] : undefined;
            return ownerFrom(project, 'id', projectId, owner);
          })
        : askFact(source, question, v2, ({ project }) => {
            const owner = isRecord(project) ? project['organizationId'] : undefined;
            return ownerFrom(project, 'projectId', projectId, owner);
          }),
    );
}

function ownerFrom(
  project: unknown,
  name: string,
  projectId: string,
  owner: unknown,
): string | Refusal {
  const fits = isRecord(project) && project[name] === projectId;
  return fits && typeof owner === 'string' && owner !== '' ? owner : aboutSomethingElse('project');
}

/**
 * Asks for a project grant by its id: Get Project Grant, `GET /management/v1/projects/{any}/grants/{grantId}`. ZITADEL ignores the project
 * in the path. It finds the grant only under the organization that owns the project and the one that holds the grant. API v2 has no such ids.
 */
export function askGrant(grantId: string): Ask {
  const call: Call = {
    family: 'grant',
    method: 'GET',
    path: `/management/v1/projects/0/grants/${encodeURIComponent(grantId)}`,
  };
  return (source, question) =>
    source.generation.ask<Fact<GrantFact>>(async (generation) => {
      if (generation === 'v2') return { served: undefined, value: NO_GRANT_IDS };
      return askFact(source, question, call, ({ projectGrant }) => {
        const grant = grantFrom(projectGrant);
        if (grant?.grantId !== grantId) return aboutSomethingElse('project grant');
        return Object.freeze({
          grantId,
          projectId: grant.projectId,
          grantedOrgId: grant.grantedOrgId,
        });
      });
    });
}
