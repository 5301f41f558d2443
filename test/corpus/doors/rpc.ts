import { createServer, type AddressInfo } from 'node:net';
import { Controller, UseGuards, type INestApplication } from '@nestjs/common';
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
import { ZitadelManagerGuard } from 'nestjs-zitadel';
import { firstValueFrom } from 'rxjs';
import type { CorpusDoor } from '../door.js';
import type { Credential } from '../tokens.js';
import { handlersOf, methodOf, startNest } from './nest.js';

/** Messages over TCP have no headers: the token is a part of the payload. */
function tokenOf(credential: Credential): unknown {
  if (!credential) return undefined;
  if ('header' in credential) throw new Error('a message has no header');
  return 'twice' in credential ? [credential.twice, credential.twice] : credential.bearer;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

export const rpcDoor: CorpusDoor = {
  name: 'RPC',
  byName: 'body',
  has: ['body', 'function', 'class'],
  hasHeader: false,
  async open({ options, ...wanted }) {
    const { type, ran } = handlersOf(
      wanted.routes,
      (_, index) => [MessagePattern(methodOf(index)) as MethodDecorator],
      [Controller(), UseGuards(ZitadelManagerGuard) as ClassDecorator],
    );
    const token = ({ body }: { readonly body?: unknown }) =>
      (Object(body) as { token?: string }).token;
    const where = { host: '127.0.0.1', port: await freePort() };
    const { authorizer, close } = await startNest(
      'express',
      { ...wanted, options: { ...options, token } },
      { controllers: [type] },
      (app: INestApplication) => {
        app.connectMicroservice({ transport: Transport.TCP, options: where });
        return app.startAllMicroservices();
      },
    );
    const client = ClientProxyFactory.create({ transport: Transport.TCP, options: where });
    await client.connect();
    return {
      authorizer,
      ran,
      async ask({ route, credential, values }) {
        const payload = { ...values.body, token: tokenOf(credential) };
        try {
          const said = client.send<{ caller?: unknown }>(methodOf(route), payload);
          return { code: 'allowed', caller: (await firstValueFrom(said)).caller };
        } catch (error) {
          const { errorCode, message } = Object(error) as Record<string, unknown>;
          return { code: String(errorCode ?? message) };
        }
      },
      async close() {
        await client.close();
        await close();
      },
    };
  },
};
