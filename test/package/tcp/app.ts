// A microservice over TCP, written as a user of the package would write it.
import 'reflect-metadata';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Controller, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
import {
  CheckedResource,
  CurrentCaller,
  org,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type Caller,
} from 'nestjs-zitadel';
import { firstValueFrom } from 'rxjs';
import { checkDoor, startWorld } from '../answers.js';

interface Message {
  readonly orgId: string;
  readonly token?: string;
}

@Controller()
class OrgsHandler {
  @MessagePattern('org')
  @RequireRole('ORG_OWNER', org.body('orgId'))
  org(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
    return { orgId, userId: caller.userId };
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function tryOut(): Promise<void> {
  const world = await startWorld();
  const token = ({ body }: { readonly body?: unknown }) => (body as Message).token;

  @Module({
    imports: [ZitadelModule.forRoot({ ...world.zitadel.options(), token })],
    controllers: [OrgsHandler],
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  })
  class AppModule {}

  const options = { host: '127.0.0.1', port: await freePort() };
  const app = await NestFactory.createMicroservice(AppModule, {
    transport: Transport.TCP,
    options,
    logger: ['error'],
    abortOnError: false,
  });
  await app.listen();
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options });
  const ask = (token?: string): Promise<unknown> =>
    firstValueFrom(client.send<unknown>('org', { orgId: world.orgId, token })).catch(
      (error: { errorCode?: string }) => error.errorCode,
    );
  try {
    await checkDoor(ask, world);
  } finally {
    client.close();
    await app.close();
    await world.zitadel.stop();
  }
}
