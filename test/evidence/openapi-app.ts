// The routes whose document is compared with what the guard does.
import {
  All,
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Put,
  Query,
  type Type,
  Version,
} from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import {
  allOf,
  anyOf,
  Authenticated,
  authenticated,
  org,
  project,
  projectGrant,
  Public,
  Require,
  RequirePermission,
  RequireProjectRole,
  RequireRole,
  role,
} from 'nestjs-zitadel';

/** The ids that routes name in their code. */
export interface Named {
  readonly acme: string;
  readonly portal: string;
}

/** A controller with a route for each way to ask for something. */
export function controllersOf({ acme, portal }: Named): Type[] {
  @Controller('orgs/:orgId')
  @RequireRole(['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.param('orgId'))
  class Orgs {
    @Get()
    @ApiOperation({ summary: 'One', description: 'Shows an organization.' })
    @ApiResponse({ status: 403, description: 'Not yours.' })
    read(@Param('orgId') orgId: string) {
      return { orgId };
    }

    @Post('projects/:projectId')
    @HttpCode(200)
    @RequireRole('PROJECT_OWNER', project.param('projectId').in(org.param('orgId')))
    project(@Param('orgId') orgId: string, @Param('projectId') projectId: string) {
      return { orgId, projectId };
    }

    @Get('open')
    @Public()
    open(@Param('orgId') orgId: string) {
      return { orgId };
    }

    @Get('account')
    @Authenticated({ replaces: true })
    account(@Param('orgId') orgId: string) {
      return { orgId };
    }

    @Get(['files/:name', 'documents/:name'])
    several(@Param('orgId') orgId: string, @Param('name') name: string) {
      return { orgId, name };
    }

    @Get('all/*')
    rest(@Param('orgId') orgId: string) {
      return { orgId };
    }
  }

  @Controller()
  class Places {
    @Get('instance')
    @RequireRole('IAM_OWNER_VIEWER')
    instance() {
      return {};
    }

    @Get('literal')
    @RequireRole('ORG_OWNER', acme)
    literal() {
      return {};
    }

    @Get('query')
    @RequireRole('ORG_OWNER', org.query('org'))
    query(@Query('org') id: string) {
      return { id };
    }

    @Get('header')
    @RequireRole('ORG_OWNER', org.header('x-zitadel-orgid'))
    header(@Headers('x-zitadel-orgid') id: string) {
      return { id };
    }

    @Put('body')
    @RequireRole('PROJECT_OWNER', project.body('projectId'))
    body(@Body() body: object) {
      return body;
    }

    @Get('found')
    @RequireRole('ORG_OWNER', org.from(() => acme))
    found() {
      return {};
    }

    @Get('own')
    @RequireRole('ORG_OWNER', org.ofCaller())
    own() {
      return {};
    }

    @Delete('grants/:grantId')
    @RequireRole('PROJECT_GRANT_OWNER', projectGrant.param('grantId'))
    grant(@Param('grantId') grantId: string) {
      return { grantId };
    }

    @Get('projects/:projectId/granted/:orgId')
    @RequireRole(
      'PROJECT_GRANT_OWNER_VIEWER',
      projectGrant({ project: project.param('projectId'), grantedOrg: org.param('orgId') }),
    )
    between(@Param('projectId') projectId: string, @Param('orgId') orgId: string) {
      return { projectId, orgId };
    }
  }

  @Controller('kinds')
  class Kinds {
    @Get('permission/:orgId')
    @RequirePermission('project.grant.write', org.param('orgId'))
    permission(@Param('orgId') orgId: string) {
      return { orgId };
    }

    @Get('project-role/:orgId')
    @RequireProjectRole('reader', { project: portal, org: org.param('orgId') })
    projectRole(@Param('orgId') orgId: string) {
      return { orgId };
    }

    @Get('own-project-role')
    @RequireProjectRole('reader', { project: portal })
    ownProjectRole() {
      return {};
    }

    @Get('home')
    @Authenticated({ organizations: [acme] })
    home() {
      return {};
    }

    @Get('either/:orgId')
    @Require(anyOf(role('ORG_OWNER', org.param('orgId')), role('IAM_OWNER')))
    either(@Param('orgId') orgId: string) {
      return { orgId };
    }

    @Get('both/:orgId')
    @Require(allOf(role('ORG_OWNER', org.param('orgId')), authenticated({ organizations: [acme] })))
    both(@Param('orgId') orgId: string) {
      return { orgId };
    }

    @Get('fresh/:orgId')
    @RequireRole('ORG_OWNER', org.param('orgId'), { fresh: true })
    fresh(@Param('orgId') orgId: string) {
      return { orgId };
    }

    @Get('optional')
    @Authenticated({ optional: true })
    optional() {
      return {};
    }

    @Get('undeclared')
    undeclared() {
      return {};
    }

    @All('all')
    @RequireRole('IAM_OWNER')
    all() {
      return {};
    }

    @All('open')
    @Public()
    open() {
      return {};
    }
  }

  @Controller('versions')
  class Versions {
    @Get(':orgId')
    @Version('1')
    @RequireRole('ORG_OWNER', org.param('orgId'))
    one(@Param('orgId') orgId: string) {
      return { orgId };
    }

    @Get(':orgId')
    @Version('2')
    @Public()
    two(@Param('orgId') orgId: string) {
      return { orgId };
    }
  }

  return [Orgs, Places, Kinds, Versions];
}
