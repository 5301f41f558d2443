// An application in source, and what somebody may change in it. Each change is a replacement that must be found.

/** The application, by file. */
export const SOURCE: Readonly<Record<string, string>> = {
  'app.module.ts': `
import { Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';
import { Chat } from './chat.gateway.mjs';
import { OrgsController } from './orgs.controller.mjs';
import { ReportsController } from './reports.controller.mjs';

const OF_BOTH = { issuer: 'https://a.example', audience: '1' };
@Module({
  imports: [
    ZitadelModule.forRoot({ ...OF_BOTH, allowImpersonation: 'perRoute', publicControllers: [] }),
    ZitadelModule.forRoot({ ...OF_BOTH, issuer: 'https://b.example', name: 'b' }),
  ],
  controllers: [OrgsController, ReportsController],
  providers: [Chat, { provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
})
class AppModule {}

export async function createApp(options: object) {
  const app = await NestFactory.create(AppModule, options);
  app.setGlobalPrefix('api');
  return app;
}
`,
  'orgs.controller.ts': `
import { Controller, Delete, Get, Post } from '@nestjs/common';
import { AllowImpersonation, anyOf, Authenticated, org, project, Public, Require, RequireRole, role } from 'nestjs-zitadel';

@Controller('orgs/:orgId')
@RequireRole('ORG_OWNER_VIEWER', org.param('orgId'))
export class OrgsController {
  @Get()
  read() {}

  @Delete()
  @RequireRole('ORG_OWNER', org.param('orgId'), { fresh: true })
  remove() {}

  @Post('projects/:projectId')
  @RequireRole('PROJECT_OWNER', project.param('projectId').in(org.param('orgId')))
  write() {}

  @Get('summary')
  @Require(anyOf(role('ORG_OWNER', org.param('orgId')), role('IAM_OWNER')))
  summary() {}

  @Get('logo')
  @Public()
  logo() {}
}
`,
  'reports.controller.ts': `
import { Controller, Get, Post } from '@nestjs/common';
import { Authenticated, org, RequirePermission, RequireProjectRole, RequireRole } from 'nestjs-zitadel';

@Controller('reports')
export class ReportsController {
  @Get(':orgId')
  @RequirePermission('org.read', org.param('orgId'))
  read() {}

  @Get(':orgId/drafts')
  @RequireProjectRole('editor', { org: org.param('orgId') })
  drafts() {}

  @Post()
  @Authenticated({ organizations: ['69629023906488334'] })
  write() {}

  @Get('left')
  left() {}

  @Get('of/b')
  @RequireRole('IAM_OWNER', { zitadel: 'b' })
  other() {}
}
`,
  'chat.gateway.ts': `
import { UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { org, RequireRole, ZitadelManagerGuard } from 'nestjs-zitadel';

@WebSocketGateway()
export class Chat {
  @SubscribeMessage('say')
  @RequireRole('ORG_OWNER', org.body('orgId'))
  say() {}
}
`,
};

/** A change of one file: what stands there, and what takes its place. */
export interface Way {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** In the names of files and in all of them, too. */
  readonly everywhere?: true;
  /** What the difference must say, where it can be said. */
  readonly says?: RegExp;
}

const [MODULE, ORGS, REPORTS, CHAT] = [
  'app.module.ts',
  'orgs.controller.ts',
  'reports.controller.ts',
  'chat.gateway.ts',
] as const;

/** Changes of what a route asks for. */
export const WAYS: readonly Way[] = [
  {
    name: 'a decorator is removed',
    file: ORGS,
    from: "@RequireRole('ORG_OWNER', org.param('orgId'), { fresh: true })\n",
    to: '\n',
    says: /~ DELETE \/api\/orgs\/:orgId {2}\(wider\)/,
  },
  {
    name: 'the only decorator is removed',
    file: REPORTS,
    from: "@RequirePermission('org.read', org.param('orgId'))\n",
    to: '\n',
    says: /declares nothing: always denied/,
  },
  {
    name: 'a role is widened',
    file: CHAT,
    from: "'ORG_OWNER'",
    to: "['ORG_OWNER', 'ORG_OWNER_VIEWER']",
    says: /~ EVENT say {2}\(wider\)/,
  },
  {
    name: 'a role is another',
    file: ORGS,
    from: "@RequireRole('PROJECT_OWNER'",
    to: "@RequireRole('PROJECT_OWNER_VIEWER'",
  },
  {
    name: 'the decorator of the class is lost',
    file: ORGS,
    from: "@RequireRole('ORG_OWNER_VIEWER', org.param('orgId'))\n",
    to: '\n',
  },
  {
    name: 'a handler is new and declares nothing',
    file: REPORTS,
    from: '  @Post()',
    to: "  @Get('all/new')\n  fresh() {}\n\n  @Post()",
    says: /\+ GET \/api\/reports\/all\/new\s+declares nothing/,
  },
  {
    name: 'a handler is new and declares something',
    file: ORGS,
    from: "  @Get('logo')",
    to: "  @Get('new')\n  fresh() {}\n\n  @Get('logo')",
    says: /\+ GET \/api\/orgs\/:orgId\/new/,
  },
  {
    name: '@Public() is added',
    file: ORGS,
    from: '  read() {}',
    to: '  @Public()\n  read() {}',
    says: /~ GET \/api\/orgs\/:orgId {2}\(wider\)/,
  },
  {
    name: '@Public() is taken away',
    file: ORGS,
    from: '@Public()\n',
    to: '\n',
    says: /~ GET \/api\/orgs\/:orgId\/logo {2}\(narrower\)/,
  },
  {
    name: 'the ref reads another parameter',
    file: REPORTS,
    from: "'org.read', org.param",
    to: "'org.read', org.query",
  },
  {
    name: '.in() is dropped',
    file: ORGS,
    from: ".in(org.param('orgId'))",
    to: '',
    says: /\(wider\)/,
  },
  {
    name: '@AllowImpersonation() is added',
    file: ORGS,
    from: '  summary() {}',
    to: '  @AllowImpersonation()\n  summary() {}',
    says: /\(wider\)/,
  },
  {
    name: 'the option allowImpersonation is widened',
    file: MODULE,
    from: "allowImpersonation: 'perRoute'",
    to: 'allowImpersonation: true',
    says: /~ option allowImpersonation/,
  },
  {
    name: 'the option hierarchy is changed',
    file: MODULE,
    from: "allowImpersonation: 'perRoute'",
    to: "allowImpersonation: 'perRoute', hierarchy: { ORG_AUDITOR: ['ORG_OWNER'] }",
    says: /\+ option hierarchy\.ORG_AUDITOR/,
  },
  {
    name: 'the guard is not bound any more',
    file: MODULE,
    from: ', { provide: APP_GUARD, useExisting: ZitadelManagerGuard }',
    to: '',
    says: /NOT GUARDED/,
  },
  {
    name: 'another guard stands in place of ours',
    file: MODULE,
    from: 'useExisting: ZitadelManagerGuard',
    to: 'useValue: { canActivate: () => true }',
    says: /NOT GUARDED/,
  },
  {
    name: 'a guard that extends ours and overrides canActivate stands in its place',
    file: MODULE,
    from: 'useExisting: ZitadelManagerGuard',
    to: 'useClass: class Lenient extends ZitadelManagerGuard { async canActivate() { return true; } }',
    says: /from {2}ORG_OWNER on org body orgId\n\s+to {4}ORG_OWNER on org body orgId, by Lenient \(overrides canActivate\)/,
  },
  {
    name: 'a provider stands in place of the guard',
    file: MODULE,
    from: 'providers: [Chat,',
    to: 'providers: [Chat, { provide: ZitadelManagerGuard, useClass: class Other extends ZitadelManagerGuard {} },',
    says: /, by Other \(extends ZitadelManagerGuard\)/,
  },
  {
    name: 'a guard of its own stands before a class',
    file: CHAT,
    from: '@WebSocketGateway()',
    to: '@UseGuards(class Kind extends ZitadelManagerGuard { requestOf() { return undefined; } })\n@WebSocketGateway()',
    says: /~ EVENT say[\s\S]*, by Kind \(overrides requestOf\) and ZitadelManagerGuard/,
  },
  {
    name: 'a controller answers under one host only',
    file: REPORTS,
    from: "@Controller('reports')",
    to: "@Controller({ path: 'reports', host: 'reports.example' })",
    says: /\+ GET \/api\/reports\/:orgId \(host reports\.example\)/,
  },
  {
    name: 'a path is another',
    file: REPORTS,
    from: "@Get(':orgId/drafts')",
    to: "@Get(':orgId/sketches')",
    says: /\+ GET .*sketches[\s\S]*- GET .*drafts|- GET .*drafts[\s\S]*\+ GET .*sketches/,
  },
  { name: 'a verb is another', file: ORGS, from: "@Post('projects", to: "@Get('projects" },
  {
    name: 'a second path is added',
    file: REPORTS,
    from: "@Get(':orgId')",
    to: "@Get([':orgId', ':orgId/copy'])",
  },
  { name: 'the prefix is another', file: MODULE, from: "'api'", to: "'v2'" },
  {
    name: 'an anyOf is widened',
    file: ORGS,
    from: "role('IAM_OWNER'))",
    to: "role('IAM_OWNER'), role('IAM_OWNER_VIEWER'))",
    says: /~ GET \/api\/orgs\/:orgId\/summary {2}\(wider\)/,
  },
  { name: 'another ZITADEL is asked', file: REPORTS, from: ", { zitadel: 'b' }", to: '' },
  {
    name: 'fresh is dropped',
    file: ORGS,
    from: ', { fresh: true }',
    to: '',
    says: /~ DELETE \/api\/orgs\/:orgId {2}\(wider\)/,
  },
  {
    name: 'a caller may send no token',
    file: REPORTS,
    from: "@Authenticated({ organizations: ['69629023906488334'] })",
    to: '@Authenticated({ optional: true })',
    says: /\(wider\)/,
  },
  {
    name: 'a home organization is added',
    file: REPORTS,
    from: "['69629023906488334']",
    to: "['69629023906488334', '69629023906488335']",
    says: /\(wider\)/,
  },
  {
    name: 'a project role counts across organizations',
    file: REPORTS,
    from: "{ org: org.param('orgId') }",
    to: "{ org: org.param('orgId'), acrossOrganizations: true }",
  },
  {
    name: 'what the class asks for is replaced',
    file: ORGS,
    from: '  read() {}',
    to: '  @Authenticated({ replaces: true })\n  read() {}',
    says: /\(wider\)/,
  },
  {
    name: 'a controller that nobody can decorate is named public',
    file: MODULE,
    from: 'publicControllers: []',
    to: 'publicControllers: [ReportsController]',
  },
  {
    name: 'a route is added to the HTTP adapter itself',
    file: MODULE,
    from: '  return app;',
    to: "  app.getHttpAdapter().get('/api/orgs/:orgId', () => undefined);\n  return app;",
    says: /NOT GUARDED/,
  },
];

/** Changes of the source that leave alone what routes ask for. */
export const SAME: readonly Way[] = [
  {
    name: 'methods stand in another order',
    file: REPORTS,
    from: "  @Get(':orgId')\n  @RequirePermission('org.read', org.param('orgId'))\n  read() {}\n",
    to: '',
  },
  {
    name: 'a class has another name',
    file: ORGS,
    from: 'OrgsController',
    to: 'OrganizationsController',
    everywhere: true,
  },
  {
    name: 'a file has another name',
    file: ORGS,
    from: 'orgs.controller',
    to: 'organizations.controller',
    everywhere: true,
  },
  { name: 'a method has another name', file: ORGS, from: 'summary() {}', to: 'overview() {}' },
  {
    name: 'controllers stand in another order',
    file: MODULE,
    from: '[OrgsController, ReportsController]',
    to: '[ReportsController, OrgsController]',
  },
  {
    name: 'the issuer is another',
    file: MODULE,
    from: 'https://a.example',
    to: 'https://c.example',
  },
];
