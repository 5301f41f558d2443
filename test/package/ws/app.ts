// A gateway of the package ws, written as a user of the package would write it.
import 'reflect-metadata';
import { once } from 'node:events';
import { Module, UseFilters, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import {
  CheckedResource,
  CurrentCaller,
  org,
  RequireRole,
  ZitadelExceptionFilter,
  ZitadelManagerGuard,
  ZitadelModule,
  type Caller,
} from 'nestjs-zitadel';
import WebSocket from 'ws';
import { checkDoor, startWorld } from '../answers.js';

@WebSocketGateway()
@UseFilters(ZitadelExceptionFilter)
@UseGuards(ZitadelManagerGuard)
class OrgsGateway {
  // By it the library keeps the handshakes, which clients of ws show only when they connect.
  @WebSocketServer()
  readonly server!: unknown;

  @SubscribeMessage('org')
  @RequireRole('ORG_OWNER', org.body('orgId'))
  org(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
    return { event: 'org', data: { orgId, userId: caller.userId } };
  }
}

interface Message {
  readonly event: string;
  readonly data: { readonly errorCode?: string };
}

export async function tryOut(): Promise<void> {
  const world = await startWorld();

  @Module({
    imports: [ZitadelModule.forRoot(world.zitadel.options())],
    providers: [OrgsGateway, { provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: ['error'], abortOnError: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const ask = async (token?: string): Promise<unknown> => {
    const client = new WebSocket(url.replace(/^http/, 'ws'), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    try {
      await once(client, 'open', { signal: AbortSignal.timeout(30_000) });
      client.send(JSON.stringify({ event: 'org', data: { orgId: world.orgId } }));
      const signal = AbortSignal.timeout(30_000);
      const [message] = (await once(client, 'message', { signal })) as [Buffer];
      const { event, data } = JSON.parse(message.toString()) as Message;
      return event === 'org' ? data : data.errorCode;
    } finally {
      client.terminate();
    }
  };
  try {
    await checkDoor(ask, world);
  } finally {
    await app.close();
    await world.zitadel.stop();
  }
}
