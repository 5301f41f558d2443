// A gateway of socket.io, written as a user of the package would write it.
import 'reflect-metadata';
import { Module, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  CheckedResource,
  CurrentCaller,
  org,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type Caller,
} from 'nestjs-zitadel';
import { io } from 'socket.io-client';
import { checkDoor, startWorld } from '../answers.js';

@WebSocketGateway()
@UseGuards(ZitadelManagerGuard)
class OrgsGateway {
  @SubscribeMessage('org')
  @RequireRole('ORG_OWNER', org.body('orgId'))
  org(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
    return { event: 'org', data: { orgId, userId: caller.userId } };
  }
}

export async function tryOut(): Promise<void> {
  const world = await startWorld();

  @Module({
    imports: [ZitadelModule.forRoot(world.zitadel.options())],
    providers: [OrgsGateway, { provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: ['error'], abortOnError: false });
  app.useWebSocketAdapter(new IoAdapter(app));
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const ask = async (token?: string): Promise<unknown> => {
    const client = io(url, {
      transports: ['websocket'],
      forceNew: true,
      ...(token !== undefined && { auth: { token } }),
    });
    try {
      return await new Promise((resolve, reject) => {
        client.on('connect_error', reject);
        client.on('org', resolve);
        client.on('exception', ({ errorCode }: { errorCode?: string }) => resolve(errorCode));
        client.emit('org', { orgId: world.orgId });
        AbortSignal.timeout(30_000).addEventListener('abort', () => reject(new Error('no answer')));
      });
    } finally {
      client.disconnect();
    }
  };
  try {
    await checkDoor(ask, world);
  } finally {
    await app.close();
    await world.zitadel.stop();
  }
}
