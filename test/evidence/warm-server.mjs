// The server of the proof `warm`, in a process of its own: one Nest application with the same route twice, behind the guard and behind
// a guard that returns true. Plain JavaScript, so that it runs as it is on every supported Node.
import 'reflect-metadata';
import { Controller, Get, Module, Param, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { org, RequireRole, ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';

const [platform, order, options] = process.argv.slice(2);

class TrueGuard {
  canActivate() {
    return true;
  }
}

function controller(path, ...decorators) {
  class Routes {
    read(orgId) {
      return orgId;
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Routes.prototype, 'read');
  Param('orgId')(Routes.prototype, 'read', 0);
  for (const decorate of [Get(':orgId'), ...decorators]) {
    decorate(Routes.prototype, 'read', descriptor);
  }
  Controller(path)(Routes);
  return Routes;
}

const trivial = controller('trivial', UseGuards(TrueGuard));
const guarded = controller(
  'guarded',
  UseGuards(ZitadelManagerGuard),
  RequireRole('ORG_OWNER', org.param('orgId')),
);

class App {}
Module({
  imports: [ZitadelModule.forRoot(JSON.parse(options))],
  // Express tries routes in their order, so the order is swapped between processes.
  controllers: order === 'swapped' ? [guarded, trivial] : [trivial, guarded],
})(App);

const adapter = platform === 'fastify' ? [new FastifyAdapter()] : [];
const app = await NestFactory.create(App, ...adapter, { logger: false });
await app.listen(0, '127.0.0.1');

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuMicros: user + system });
});
process.on('disconnect', () => process.exit());
process.send({ port: app.getHttpServer().address().port });
