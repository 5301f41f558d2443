// An application as a compiler puts it out, with its decorators written by hand.
import { Controller, Get, Inject, mixin, Module, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory, RouterModule } from '@nestjs/core';
import {
  allOf,
  anyOf,
  Authenticated,
  org,
  permission,
  project,
  projectGrant,
  projectRole,
  Public,
  Require,
  RequireRole,
  role,
  ZitadelManagerGuard,
  ZitadelModule,
} from 'nestjs-zitadel';

function decorate(decorators, target, key) {
  for (const each of decorators) each(target, key, Object.getOwnPropertyDescriptor(target, key));
}

class Orgs {
  constructor() {
    throw new Error('nothing of the application runs');
  }
  read() {}
  logo() {}
  left() {}
}
decorate([Get(':orgId'), RequireRole('ORG_OWNER', org.param('orgId'))], Orgs.prototype, 'read');
decorate([Get('<b>|logo'), Public()], Orgs.prototype, 'logo');
decorate([Get('of/nobody')], Orgs.prototype, 'left');
Controller('orgs')(Orgs);

export class AppModule {}
Module({
  imports: [ZitadelModule.forRoot({ issuer: 'https://a.example', audience: '1' })],
  controllers: [Orgs],
  providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
})(AppModule);

export class Unguarded {}
Module({
  imports: [ZitadelModule.forRootAsync({ useFactory: () => ({}) })],
  controllers: [Orgs],
})(Unguarded);

class ByKey extends ZitadelManagerGuard {
  canActivate() {
    return true;
  }
}
class Asking {
  canActivate() {
    return true;
  }
}
Inject(ZitadelManagerGuard)(Asking, undefined, 0);

class Hosted {
  read() {}
}
decorate([Get(), Authenticated(), UseGuards(Asking)], Hosted.prototype, 'read');
Controller({ host: ['a.example', /b/] })(Hosted);

export class Swapped {}
Module({
  imports: [ZitadelModule.forRoot({ issuer: 'https://a.example', audience: '1' })],
  controllers: [Hosted],
  providers: [
    { provide: ZitadelManagerGuard, useClass: ByKey },
    { provide: APP_GUARD, useExisting: ZitadelManagerGuard },
  ],
})(Swapped);

/** Guards whose classes have no name that is the same at each start. */
const [OfMixin, Nameless] = [
  mixin(class extends ByKey {}),
  class {
    canActivate() {
      return true;
    }
  },
];
Inject(ZitadelManagerGuard)(Nameless, undefined, 0);
class Plain extends ZitadelManagerGuard {}

class Mixing {
  read() {}
  open() {}
}
decorate([Get(), Authenticated()], Mixing.prototype, 'read');
decorate([Get('open'), Public()], Mixing.prototype, 'open');
decorate([Controller('mixing'), UseGuards(OfMixin, Plain, Nameless)], Mixing);

export class Mixed {}
Module({
  imports: [ZitadelModule.forRoot({ issuer: 'https://a.example', audience: '1' })],
  controllers: [Mixing],
})(Mixed);

class OnA {
  read() {}
}
class OnB {
  read() {}
}
decorate([Get(), Public()], OnA.prototype, 'read');
decorate([Get()], OnB.prototype, 'read');
Controller({ path: 'things', host: 'a.example' })(OnA);
Controller({ path: 'things', host: 'b.example' })(OnB);

export class TwoHosts {}
Module({
  imports: [ZitadelModule.forRoot({ issuer: 'https://a.example', audience: '1' })],
  controllers: [OnA, OnB],
  providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
})(TwoHosts);

class Ranked {
  own() {}
  view() {}
}
decorate([Get('own'), RequireRole('ORG_OWNER', org.ofCaller())], Ranked.prototype, 'own');
decorate([Get('view'), RequireRole('ORG_OWNER_VIEWER', org.ofCaller())], Ranked.prototype, 'view');
Controller('ranked')(Ranked);

export class TwoInstances {}
Module({
  imports: [
    ZitadelModule.forRoot({
      instances: [
        { issuer: 'https://a.example', audience: '1', hierarchy: 'exact' },
        { issuer: 'https://b.example', audience: '1', hierarchy: 'exact', projectRoles: 'api' },
      ],
    }),
  ],
  controllers: [Ranked],
  providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
})(TwoInstances);

/** Has its guard from a second copy of the package. */
const ours = import.meta.resolve('nestjs-zitadel');
const copy = await import(new URL('nest/zitadel-manager.guard.js?copy', ours).href);
class Copying {
  read() {}
}
decorate([Get(), Authenticated()], Copying.prototype, 'read');
decorate([Controller('copying'), UseGuards(copy.ZitadelManagerGuard)], Copying);

export class Copied {}
Module({
  imports: [ZitadelModule.forRoot({ issuer: 'https://a.example', audience: '1' })],
  controllers: [Copying],
})(Copied);

console.log('what the application writes');

export async function createApp(options) {
  const app = await NestFactory.create(AppModule, options);
  app.setGlobalPrefix('api');
  app.getHttpAdapter().get('/health', () => undefined);
  return app;
}

/** Its module has a path of its own. */
class Inner {}
Module({ controllers: [Orgs] })(Inner);
export class Placed {}
Module({
  imports: [
    ZitadelModule.forRoot({ issuer: 'https://a.example', audience: '1' }),
    Inner,
    RouterModule.register([{ path: 'inner', module: Inner }]),
  ],
})(Placed);

/** Asks for so much that its matrix is wider than any window. */
class Catalogue {}
for (const [name, ...decorators] of [
  ['owners', Get('organizations/:orgId/owners'), RequireRole('ORG_OWNER', org.param('orgId'))],
  [
    'grants',
    Get('organizations/:orgId/projects/:projectId/grants/:grantId'),
    Require(
      anyOf(
        role(['PROJECT_OWNER', 'PROJECT_OWNER_VIEWER'], project.param('projectId')),
        allOf(
          role('PROJECT_GRANT_OWNER', projectGrant.param('grantId')),
          permission('project.grant.read', org.param('orgId')),
        ),
        projectRole(['editor', 'a-role-with-a-name-as-long-as-they-get'], {
          org: org.param('orgId'),
        }),
        role(['IAM_OWNER', 'IAM_OWNER_VIEWER', 'IAM_ORG_MANAGER', 'IAM_USER_MANAGER']),
      ),
    ),
  ],
  ['anybody', Get('anybody'), Authenticated()],
  ['optional', Get('optional'), Authenticated({ optional: true })],
  ['open', Get('open'), Public()],
  ['left', Get('left')],
]) {
  Catalogue.prototype[name] = () => undefined;
  decorate(decorators, Catalogue.prototype, name);
}
Controller('catalogue')(Catalogue);
class Large {}
Module({
  imports: [ZitadelModule.forRootAsync({ useFactory: () => ({}) })],
  controllers: [Orgs, Catalogue],
  providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
})(Large);
export async function large(options) {
  const app = await NestFactory.create(Large, options);
  app.getHttpAdapter().get('/health', () => undefined);
  return app;
}

export async function listening(options) {
  const app = await createApp(options);
  await app.listen(0);
  return app;
}

export const forgetful = () => undefined;

export async function guarding(options) {
  const app = await NestFactory.create(Placed, options);
  return app.useGlobalGuards(app.get(ZitadelManagerGuard));
}
