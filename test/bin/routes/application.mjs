// An application as a compiler puts it out, with its decorators written by hand.
import { Controller, Get, Inject, Module, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory, RouterModule } from '@nestjs/core';
import {
  Authenticated,
  org,
  Public,
  RequireRole,
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

export const forgetful = () => undefined;

export async function guarding(options) {
  const app = await NestFactory.create(Placed, options);
  return app.useGlobalGuards(app.get(ZitadelManagerGuard));
}
