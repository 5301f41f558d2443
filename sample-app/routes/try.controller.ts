import { Controller, Get, Inject } from '@nestjs/common';
import {
  anyOf,
  Authenticated,
  CheckedResource,
  CurrentCaller,
  org,
  project,
  projectGrant,
  Public,
  Require,
  RequirePermission,
  RequireRole,
  role,
  type Caller,
} from 'nestjs-zitadel';
import { DecisionLog } from '../decision-log.js';

/** One route for each way of asking. They answer a sentence, and by which membership they were allowed. */
@Controller('api/try')
export class TryController {
  constructor(@Inject(DecisionLog) private readonly log: DecisionLog) {}

  @Get('public')
  @Public()
  everybody() {
    return this.#say('Everybody may read this. No token is looked at.');
  }

  @Get('hello')
  @Authenticated()
  hello(@CurrentCaller() caller: Caller) {
    return this.#say(`ZITADEL accepts your token. You are user ${caller.userId}.`);
  }

  @Get('instance')
  @RequireRole('IAM_OWNER_VIEWER')
  instance() {
    return this.#say('You may look at the whole instance.');
  }

  @Get('orgs/:orgId')
  @RequireRole(['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.param('orgId'))
  organization(@CheckedResource('org') orgId: string) {
    return this.#say(`You may look at organization ${orgId}.`);
  }

  @Get('orgs/:orgId/danger')
  @RequireRole('ORG_OWNER', org.param('orgId'), { fresh: true })
  danger(@CheckedResource('org') orgId: string) {
    return this.#say(`You own organization ${orgId}, as of this very moment.`);
  }

  @Get('orgs/:orgId/users')
  @RequirePermission('user.write', org.param('orgId'))
  users(@CheckedResource('org') orgId: string) {
    return this.#say(`ZITADEL says that you may change users of organization ${orgId}.`);
  }

  @Get('orgs/:orgId/projects/:projectId')
  @RequireRole('PROJECT_OWNER', project.param('projectId').in(org.param('orgId')))
  project(@CheckedResource('org') orgId: string, @CheckedResource('project') projectId: string) {
    return this.#say(`You own project ${projectId}, and it belongs to organization ${orgId}.`);
  }

  @Get('grants/:grantId')
  @RequireRole('PROJECT_GRANT_OWNER', projectGrant.param('grantId'))
  projectGrant(@CheckedResource('projectGrant') grantId: string) {
    return this.#say(`You manage project grant ${grantId}.`);
  }

  @Get('report')
  @Require(anyOf(role('ORG_OWNER', org.header('x-zitadel-orgid')), role('IAM_OWNER_VIEWER')))
  report() {
    return this.#say('One of the two was enough.');
  }

  #say(message: string) {
    const allowedBy = this.log.allowedBy();
    return { message, ...(allowedBy && { allowedBy }) };
  }
}
