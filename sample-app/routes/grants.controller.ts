import {
  BadRequestException,
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

/** What the form sends. */
interface GrantRequest {
  readonly grantedOrgId: string;
  readonly roleKeys: readonly string[];
}

/** What the form sends to grant to many organizations at once. */
interface ManyGrants extends Pick<GrantRequest, 'roleKeys'> {
  readonly grantedOrgIds: readonly string[];
}

const MOST_ROLES = 50;
const MOST_ORGANIZATIONS = 1_000;

/** Reads the body of a request to grant a project. @throws BadRequestException in words, naming the field */
function grantRequestFrom(body: unknown): GrantRequest {
  const { grantedOrgId, roleKeys } = Object(body) as Record<string, unknown>;
  if (typeof grantedOrgId !== 'string' || grantedOrgId === '') {
    throw problem('grantedOrgId', 'Say to which organization the project is granted.');
  }
  return { grantedOrgId, roleKeys: roleKeysFrom(roleKeys) };
}

/** Reads the body of a request to grant to many. @throws BadRequestException in words, naming the field */
function manyGrantsFrom(body: unknown): ManyGrants {
  const { grantedOrgIds, roleKeys } = Object(body) as Record<string, unknown>;
  const ids = wordsFrom(grantedOrgIds, MOST_ORGANIZATIONS);
  if (!ids || ids.length === 0) {
    const message = `Say to which organizations the project is granted, ${MOST_ORGANIZATIONS} of them at most.`;
    throw problem('grantedOrgIds', message);
  }
  return { grantedOrgIds: ids, roleKeys: roleKeysFrom(roleKeys) };
}

function roleKeysFrom(value: unknown): readonly string[] {
  const keys = wordsFrom(value, MOST_ROLES);
  if (!keys) throw problem('roleKeys', `Role keys are words, ${MOST_ROLES} of them at most.`);
  if (keys.length === 0) throw problem('roleKeys', 'Name at least one role of the project.');
  return keys;
}

function wordsFrom(value: unknown, most: number): readonly string[] | undefined {
  const list: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined;
  const isWord = (each: unknown): each is string => typeof each === 'string' && each !== '';
  return list && list.length <= most && list.every(isWord) ? list : undefined;
}

function problem(field: string, message: string): BadRequestException {
  const errorCode = 'grant_request_invalid';
  return new BadRequestException({
    statusCode: 400,
    error: 'Bad Request',
    message,
    errorCode,
    field,
  });
}
