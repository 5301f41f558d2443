// A microservice over TCP, alone and in an application that also has HTTP, written as a user of the package would write it.
import 'reflect-metadata';
import { Controller, type Type, UseFilters, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
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
import { firstValueFrom } from 'rxjs';
import { checkDoor, freePort, startWorld } from '../answers.js';

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

/** Beside HTTP no global guard stands before messages. */
@Controller()
@UseGuards(ZitadelManagerGuard)
@UseFilters(ZitadelExceptionFilter)
class GuardedHandler extends OrgsHandler {}

@Controller()
class ForgottenHandler {
  @MessagePattern('forgotten')
  forgotten() {
    return 'ran';
  }
}

export async function tryOut(): Promise<void> {
  const world = await startWorld();
  const token = ({ body }: { readonly body?: unknown }) => (body as Message).token;
  const applicationOf = (handler: Type) => ({
    module: class AppModule {},
    imports: [ZitadelModule.forRoot({ ...world.zitadel.options(), token })],
    controllers: [handler],
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  });
  const options = { host: '127.0.0.1', port: await freePort() };
  const tcp = { transport: Transport.TCP, options } as const;
  const settings = { logger: ['error' as const], abortOnError: false };
  const check = async (): Promise<void> => {
    const client = ClientProxyFactory.create(tcp);
    const ask = (token?: string): Promise<unknown> =>
      firstValueFrom(client.send<unknown>('org', { orgId: world.orgId, token })).catch(
        (error: { errorCode?: string }) => error.errorCode,
      );
    await checkDoor(ask, world).finally(() => client.close());
  };
  try {
    const alone = await NestFactory.createMicroservice(applicationOf(OrgsHandler), {
      ...tcp,
      ...settings,
    });
    await alone.listen();
    await check();
    await alone.close();

    const hybrid = await NestFactory.create(applicationOf(GuardedHandler), settings);
    hybrid.connectMicroservice(tcp);
    await hybrid.startAllMicroservices();
    await check();
    await hybrid.listen(0, '127.0.0.1');
    await check();
    await hybrid.close();

    const unsafe = await NestFactory.create(applicationOf(ForgottenHandler), settings);
    unsafe.connectMicroservice(tcp);
    const started = await unsafe.startAllMicroservices().then(
      () => 'it takes messages',
      (error: Error) => error.message,
    );
    await unsafe.close();
    if (!started.includes('ForgottenHandler.forgotten handles messages')) throw new Error(started);
  } finally {
    await world.zitadel.stop();
  }
}
