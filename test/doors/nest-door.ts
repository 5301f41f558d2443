import {
  All,
  Body,
  Catch,
  Controller,
  Get,
  HttpCode,
  Injectable,
  Inject,
  Post,
  Req,
  type ArgumentsHost,
  type ExceptionFilter,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, HttpAdapterHost } from '@nestjs/core';
import {
  Authenticated,
  CheckedResource,
  CurrentCaller,
  MembershipLists,
  ProjectGrantService,
  Public,
  Require,
  RequirePermission,
  RequireProjectRole,
  RequireRole,
  ZitadelAuthorizer,
  ZitadelError,
  ZitadelManagerGuard,
  ZitadelModule,
  customRole,
  key,
  org,
  project,
  projectGrant,
  role,
  type Caller,
  type NewGrant,
} from '../../lib/index.js';
import { startNest, type Prepare } from '../support/start.js';
import { Notes, type OpenDoor, type Seen } from './door.js';
import {
  ANY,
  HomeByClass,
  homeByCode,
  NESTED,
  OddId,
  NAMES,
  OWN_OR_INSTANCE,
  TenantOfRequest,
  oddId,
  tenantOf,
} from './requirements.js';
import type { World } from '../support/world.js';

class Noting {
  @Inject(Notes) protected readonly notes!: Notes;

  protected seen(what: Seen): Seen {
    this.notes.ran += 1;
    return what;
  }
}

/** The controllers of a world: classes are declared once, and what is declared stays for good. */
const made = new WeakMap<World['tokens'], Type[]>();

/** The controllers of a Nest door, as an application would write them. */
function controllersOf(world: World): Type[] {
  const known = made.get(world.tokens) ?? declareControllers(world);
  made.set(world.tokens, known);
  return known;
}

function declareControllers(world: World): Type[] {
  @Controller()
  class RefsController extends Noting {
    @Get('orgs/:orgId')
    @RequireRole('ORG_OWNER', org.param('orgId'))
    param(@CurrentCaller() caller: Caller, @CheckedResource('org') id: string) {
      return this.seen({ caller: caller.userId, org: id });
    }

    @Get('viewed/:orgId')
    @RequireRole(['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.param('orgId'))
    oneOfSeveral(@CurrentCaller() caller: Caller, @CheckedResource('org') id: string) {
      return this.seen({ caller: caller.userId, org: id });
    }

    @Get('query')
    @RequireRole('ORG_OWNER', org.query('orgId'))
    query(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Post('body')
    @HttpCode(200)
    @RequireRole('ORG_OWNER', org.body('orgId'))
    body(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('header')
    @RequireRole('ORG_OWNER', org.header('X-Zitadel-OrgId'))
    header(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('function')
    @RequireRole('ORG_OWNER', org.from(tenantOf))
    function(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('class')
    @RequireRole('ORG_OWNER', org.from(TenantOfRequest))
    class(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('literal')
    @RequireRole('ORG_OWNER', world.acme)
    literal(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('instance')
    @RequireRole('IAM_OWNER')
    instance(@CurrentCaller() caller: Caller) {
      return this.seen({ caller: caller.userId });
    }

    @Get('projects/:projectId')
    @RequireRole('PROJECT_OWNER', project.param('projectId'))
    project(@CheckedResource('project') id: string) {
      return this.seen({ project: id });
    }

    @Get('orgs/:orgId/projects/:projectId')
    @RequireRole('PROJECT_OWNER', project.param('projectId').in(org.param('orgId')))
    projectIn(@CheckedResource('org') orgId: string, @CheckedResource('project') id: string) {
      return this.seen({ org: orgId, project: id });
    }

    @Get('grants/:grantId')
    @RequireRole('PROJECT_GRANT_OWNER', projectGrant.param('grantId'))
    grant(@CheckedResource('projectGrant') id: string) {
      return this.seen({ projectGrant: id });
    }

    @Get('granted/:orgId/:projectId')
    @RequireRole(
      'PROJECT_GRANT_OWNER_VIEWER',
      projectGrant({ project: project.param('projectId'), grantedOrg: org.param('orgId') }),
    )
    grantBetween(@CheckedResource('org') orgId: string, @CheckedResource('project') id: string) {
      return this.seen({ org: orgId, project: id });
    }
  }

  @Controller()
  class TreesController extends Noting {
    @Get('any')
    @Require(ANY)
    any(@CurrentCaller() caller: Caller) {
      return this.seen({ caller: caller.userId });
    }

    @Get('any-checked')
    @Require(ANY)
    anyChecked(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('nested/:orgId')
    @Require(NESTED)
    nested(@CurrentCaller() caller: Caller) {
      return this.seen({ caller: caller.userId });
    }

    @Get('both/:orgId')
    @RequireRole('ORG_OWNER_VIEWER', org.param('orgId'))
    @RequireRole('ORG_OWNER_VIEWER', org.query('other'))
    both(@CheckedResource('org', 'orgId') id: string, @CheckedResource('org', 'other') o: string) {
      return this.seen({ org: id, other: o });
    }

    @Get('fresh/:orgId')
    @RequireRole('ORG_OWNER', org.param('orgId'), { fresh: true })
    fresh(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('custom/:orgId')
    @RequireRole(customRole('ORG_AUDITOR'), org.param('orgId'))
    custom(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('me')
    @Authenticated()
    me(@CurrentCaller() caller: Caller) {
      return this.seen({ caller: caller.userId });
    }

    @Get('public')
    @Public()
    public() {
      this.notes.ranPublic += 1;
      return {};
    }

    @Get('undeclared')
    undeclared() {
      return this.seen({});
    }

    @All('all/:orgId')
    @RequireRole('ORG_OWNER', org.param('orgId'))
    all(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('files/:orgId/*')
    @RequireRole('ORG_OWNER', org.param('orgId'))
    files(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }
  }

  @Controller()
  class BeyondRolesController extends Noting {
    @Get('permitted/:orgId')
    @RequirePermission('user.write', org.param('orgId'))
    permitted(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('permitted/:orgId/projects/:projectId')
    @RequirePermission(
      ['project.app.delete', 'project.grant.write'],
      project.param('projectId').in(org.param('orgId')),
    )
    permittedProject(
      @CheckedResource('org') orgId: string,
      @CheckedResource('project') id: string,
    ) {
      return this.seen({ org: orgId, project: id });
    }

    @Get('permitted-grants/:grantId')
    @RequirePermission('project.grant.member.write', projectGrant.param('grantId'))
    permittedGrant(@CheckedResource('projectGrant') id: string) {
      return this.seen({ projectGrant: id });
    }

    @Get('permitted-between/:orgId/:projectId')
    @RequirePermission(
      'project.grant.member.write',
      projectGrant({ project: project.param('projectId'), grantedOrg: org.param('orgId') }),
    )
    permittedBetween(
      @CheckedResource('org') orgId: string,
      @CheckedResource('project') id: string,
    ) {
      return this.seen({ org: orgId, project: id });
    }

    @Get('readers/:orgId')
    @RequireProjectRole(['reader', 'writer'], { project: world.portal, org: org.param('orgId') })
    readers(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('readers-of-all/:orgId')
    @RequireProjectRole('reader', {
      project: world.portal,
      org: org.param('orgId'),
      acrossOrganizations: true,
    })
    readersOfAll(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('readers-of/:projectId/:orgId')
    @RequireProjectRole('reader', {
      project: project.param('projectId'),
      org: org.param('orgId'),
    })
    readersOf(@CheckedResource('org') orgId: string, @CheckedResource('project') id: string) {
      return this.seen({ org: orgId, project: id });
    }

    @Get('at-home')
    @Authenticated({ organizations: [world.acme] })
    atHome() {
      return this.seen({});
    }
  }

  @Controller()
  class ByCallerController extends Noting {
    @Get('own')
    @RequireRole('ORG_OWNER', org.ofCaller())
    own(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('own-or-instance')
    @Require(OWN_OR_INSTANCE)
    ownOrInstance() {
      return this.seen({});
    }

    @Get('own/permitted')
    @RequirePermission('user.write', org.ofCaller())
    permitted(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('own/projects/:projectId')
    @RequireRole('PROJECT_OWNER', project.param('projectId').in(org.ofCaller()))
    project(@CheckedResource('org', 'ofCaller') o: string, @CheckedResource('project') id: string) {
      return this.seen({ org: o, project: id });
    }

    @Get('own/readers')
    @RequireProjectRole('reader', { project: world.portal })
    readers(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('function-of-caller')
    @RequireRole('ORG_OWNER', org.from(homeByCode))
    functionOfCaller(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('class-of-caller')
    @RequireRole('ORG_OWNER', org.from(HomeByClass))
    classOfCaller(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Get('function/permitted')
    @RequirePermission('user.write', org.from(tenantOf))
    functionPermitted() {
      return this.seen({});
    }

    @Get('function/readers')
    @RequireProjectRole('reader', { project: world.portal, org: org.from(tenantOf) })
    functionReaders() {
      return this.seen({});
    }

    @Get('optional')
    @Authenticated({ optional: true })
    optional(@CurrentCaller() caller: Caller | undefined) {
      return this.seen({ caller: caller?.userId });
    }

    @Get('user')
    @Authenticated()
    user(@Req() request: { readonly user?: Caller }) {
      return this.seen({ caller: request.user?.userId });
    }
  }

  @Controller('tenants/:orgId')
  @RequireRole('ORG_OWNER_VIEWER', org.param('orgId'))
  class TenantsController extends Noting {
    @Get()
    read(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }

    @Post()
    @HttpCode(200)
    @RequireRole('ORG_OWNER', org.param('orgId'))
    write(@CheckedResource('org') id: string) {
      return this.seen({ org: id });
    }
  }

  @Controller('hostile')
  class HostileController extends Noting {
    @Get('param/:projectId')
    @RequireRole('PROJECT_OWNER', project.param('projectId'))
    param() {
      return this.seen({});
    }

    @Get('query')
    @RequireRole('PROJECT_OWNER', project.query('projectId'))
    query() {
      return this.seen({});
    }

    @Post('body')
    @HttpCode(200)
    @RequireRole('PROJECT_OWNER', project.body('projectId'))
    body() {
      return this.seen({});
    }

    @Get('header')
    @RequireRole('PROJECT_OWNER', project.header('x-project'))
    header() {
      return this.seen({});
    }

    @Get('function')
    @RequireRole('PROJECT_OWNER', project.from(oddId))
    function() {
      return this.seen({});
    }

    @Get('class')
    @RequireRole('PROJECT_OWNER', project.from(OddId))
    class() {
      return this.seen({});
    }

    // Without the second path the application would not start: nothing there has these parameters.
    @Post(['names', 'names/:__proto__/:constructor/:prototype/:toString'])
    @HttpCode(200)
    @Require(NAMES)
    names() {
      return this.seen({});
    }
  }

  @Controller('service')
  @Authenticated()
  class ServiceController extends Noting {
    constructor(
      @Inject(ProjectGrantService) private readonly grants: ProjectGrantService,
      @Inject(ZitadelAuthorizer) private readonly authorizer: ZitadelAuthorizer,
      @Inject(MembershipLists) private readonly lists: MembershipLists,
    ) {
      super();
    }

    @Post('add')
    @HttpCode(200)
    async add(@Body() grant: NewGrant) {
      return this.seen({ answer: await this.grants.add(grant) });
    }

    @Post('ensure')
    @HttpCode(200)
    async ensure(@Body() grant: NewGrant) {
      return this.seen({ answer: await this.grants.ensure(grant) });
    }

    @Post('ask-by-param')
    @HttpCode(200)
    async askByParam(@CurrentCaller() caller: Caller) {
      const requirement = role('ORG_OWNER', org.param('orgId'));
      return this.seen({ answer: await this.authorizer.can(caller, requirement) });
    }

    @Post('ask-anew')
    @HttpCode(200)
    async askAnew(@CurrentCaller() caller: Caller) {
      const requirement = role('IAM_OWNER', { fresh: true });
      return this.seen({ answer: await this.authorizer.can(caller, requirement) });
    }

    @Post('own')
    @HttpCode(200)
    async own(@CurrentCaller() caller: Caller) {
      const requirement = role('ORG_OWNER', org.ofCaller());
      return this.seen({ answer: await this.authorizer.can(caller, requirement) });
    }

    @Post('key')
    @HttpCode(200)
    key(@Body() content: object) {
      key(content);
      return this.seen({});
    }

    @Post('memberships')
    @HttpCode(200)
    async memberships(@Body() request: Parameters<MembershipLists['listOfUser']>[0]) {
      return this.seen({ answer: await this.lists.listOfUser(request) });
    }
  }

  return [
    RefsController,
    TreesController,
    BeyondRolesController,
    ByCallerController,
    TenantsController,
    HostileController,
    ServiceController,
  ];
}

/** How an application may answer the library's errors: by their code. */
@Catch(ZitadelError)
@Injectable()
class ErrorCodeFilter implements ExceptionFilter<ZitadelError> {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  catch({ code, message }: ZitadelError, context: ArgumentsHost): void {
    this.host.httpAdapter.reply(context.switchToHttp().getResponse(), { code, message }, 422);
  }
}

export function openNest(platform: Parameters<typeof startNest>[0], prepare?: Prepare): OpenDoor {
  return async (world, options = {}) => {
    const notes = new Notes();
    const { app, url, close } = await startNest(
      platform,
      {
        imports: [
          ZitadelModule.forRoot(world.zitadel.options({ logger: notes.logger, ...options })),
        ],
        controllers: controllersOf(world),
        providers: [
          TenantOfRequest,
          HomeByClass,
          { provide: Notes, useValue: notes },
          OddId,
          { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
          { provide: APP_FILTER, useClass: ErrorCodeFilter },
        ],
      },
      prepare,
    );
    app.get(ZitadelAuthorizer).onDecision((event) => notes.decisions.push(event));
    return { url, close, notes };
  };
}
