import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  RequestMethod,
  Sse,
  type MessageEvent,
} from '@nestjs/common';
import {
  CheckedResource,
  org,
  project,
  ProjectGrantService,
  RequireRole,
  type GrantProgress,
  type ProjectGrant,
} from 'nestjs-zitadel';
import { map, type Observable } from 'rxjs';
import { troubleInWords } from '../plain-errors.filter.js';
import { grantRequestFrom, manyGrantsFrom } from './grant-request.js';

// The owner is part of the question: ZITADEL has to say that this organization owns the project.
const PROJECT = project.param('projectId').in(org.param('orgId'));
const MOST_GRANTS = 200;

/**
 * Grants a project to other organizations. The caller is asked for a role; the call to ZITADEL is made by the service user, with the ids
 * that the guard has checked.
 */
@Controller('api/orgs/:orgId/projects/:projectId/grants')
export class GrantsController {
  constructor(@Inject(ProjectGrantService) private readonly grants: ProjectGrantService) {}

  @Get()
  @RequireRole('PROJECT_OWNER_VIEWER', PROJECT)
  async list(
    @CheckedResource('org') organizationId: string,
    @CheckedResource('project') projectId: string,
  ) {
    const grants: ReturnType<typeof shown>[] = [];
    for await (const grant of this.grants.list({ organizationId, projectId })) {
      grants.push(shown(grant));
      if (grants.length === MOST_GRANTS) break;
    }
    return { grants };
  }

  @Post()
  @HttpCode(200)
  @RequireRole('PROJECT_OWNER', PROJECT)
  async ensure(
    @CheckedResource('org') organizationId: string,
    @CheckedResource('project') projectId: string,
    @Body() body: unknown,
  ) {
    const { grantedOrgId, roleKeys } = grantRequestFrom(body);
    const grant = await this.grants.ensure({ organizationId, projectId, grantedOrgId, roleKeys });
    return { outcome: grant.outcome, grantedOrgId, roleKeys: grant.roleKeys };
  }

  /** The same to many organizations. Nest unsubscribes when the page goes away or stops it: then no other grant begins. */
  @Sse('many', { method: RequestMethod.POST })
  @RequireRole('PROJECT_OWNER', PROJECT)
  ensureMany(
    @CheckedResource('org') organizationId: string,
    @CheckedResource('project') projectId: string,
    @Body() body: unknown,
  ): Observable<MessageEvent> {
    const { grantedOrgIds, roleKeys } = manyGrantsFrom(body);
    const wanted = grantedOrgIds.map((id) => ({
      organizationId,
      projectId,
      grantedOrgId: id,
      roleKeys,
    }));
    return this.grants.ensureMany(wanted).pipe(map((progress) => ({ data: told(progress) })));
  }

  // A grant is named by its two ends: not every ZITADEL has ids of grants.
  @Delete(':grantedOrgId')
  @RequireRole('PROJECT_OWNER', PROJECT)
  async remove(
    @CheckedResource('org') organizationId: string,
    @CheckedResource('project') projectId: string,
    @Param('grantedOrgId') grantedOrgId: string,
  ) {
    await this.grants.remove({ organizationId, projectId, grantedOrgId });
    return { outcome: 'removed', grantedOrgId };
  }
}

function shown({ grantedOrgId, grantedOrgName, grantedRoleKeys, state }: ProjectGrant) {
  return { grantedOrgId, grantedOrgName, roleKeys: grantedRoleKeys, state };
}

function told({ wanted, ensured, error, done, total }: GrantProgress) {
  const { grantedOrgId } = wanted;
  const end = ensured ? { outcome: ensured.outcome } : { trouble: troubleInWords(error) };
  return { grantedOrgId, ...end, done, total };
}
