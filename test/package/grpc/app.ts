// A server of gRPC, written as a user of the package would write it.
import 'reflect-metadata';
import {
  type Client,
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { Controller, type Type } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { GrpcMethod, GrpcStreamCall, Transport } from '@nestjs/microservices';
import {
  Authenticated,
  CheckedResource,
  CurrentCaller,
  org,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type Caller,
  type RequestLike,
} from 'nestjs-zitadel';
import { of } from 'rxjs';
import { checkDoor, freePort, startWorld } from '../answers.js';

const TEXT = 'string';
const packageDefinition = fromJSON({
  nested: {
    orgs: {
      nested: {
        Orgs: {
          methods: {
            Read: { requestType: 'Ask', responseType: 'Org', comment: '' },
            Watch: { requestType: 'Ask', responseType: 'Org', responseStream: true, comment: '' },
            Whole: { requestType: 'Ask', responseType: 'Org', requestStream: true, comment: '' },
          },
        },
        Ask: { fields: { orgId: { type: TEXT, id: 1 } } },
        Org: { fields: { orgId: { type: TEXT, id: 1 }, userId: { type: TEXT, id: 2 } } },
      },
    },
  },
});

@Controller()
class Orgs {
  @GrpcMethod('Orgs', 'Read')
  @RequireRole('ORG_OWNER', org.body('orgId'))
  read(@CheckedResource('org') orgId: string, @CurrentCaller() { userId }: Caller) {
    return { orgId, userId };
  }

  @GrpcMethod('Orgs', 'Watch')
  @RequireRole('ORG_OWNER', org.body('orgId'))
  watch(@CheckedResource('org') orgId: string, @CurrentCaller() { userId }: Caller) {
    return of({ orgId, userId });
  }
}

@Controller()
class Whole {
  @GrpcStreamCall('Orgs', 'Whole')
  @Authenticated()
  whole(_call: unknown) {
    return undefined;
  }
}

type OrgsClient = Client & {
  watch(asked: object, metadata: Metadata): ClientReadableStream<object>;
  read(
    asked: object,
    metadata: Metadata,
    done: (error: ServiceError | null, said?: object) => void,
  ): unknown;
};

const codeOf = ({ metadata }: ServiceError) => metadata.get('error-code')[0];

export async function tryOut(): Promise<void> {
  const world = await startWorld();
  const token = ({ headers }: RequestLike) =>
    (headers['authorization'] as string | undefined)?.replace('Bearer ', '');
  const url = `127.0.0.1:${await freePort()}`;
  const start = async (handler: Type) => {
    const application = {
      module: class AppModule {},
      imports: [ZitadelModule.forRoot({ ...world.zitadel.options(), token })],
      controllers: [handler],
      providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
    };
    const app = await NestFactory.createMicroservice(application, {
      transport: Transport.GRPC,
      options: { package: 'orgs', packageDefinition, url },
      logger: ['error'],
      abortOnError: false,
    });
    await app.listen();
    return app;
  };
  const app = await start(Orgs);
  const { Orgs: Connecting } = loadPackageDefinition(packageDefinition)['orgs'] as unknown as {
    readonly Orgs: new (url: string, given: object) => OrgsClient;
  };
  const client = new Connecting(url, credentials.createInsecure());
  const asked = { orgId: world.orgId };
  const metadataOf = (bearer: string | undefined): Metadata => {
    const metadata = new Metadata();
    if (bearer !== undefined) metadata.set('authorization', `Bearer ${bearer}`);
    return metadata;
  };
  try {
    await checkDoor(
      (bearer) =>
        new Promise((resolve) => {
          client.read(asked, metadataOf(bearer), (error, said) =>
            resolve(error ? codeOf(error) : { ...said }),
          );
        }),
      world,
    );
    await checkDoor(
      (bearer) =>
        new Promise((resolve) => {
          client
            .watch(asked, metadataOf(bearer))
            .on('data', (said: object) => resolve({ ...said }))
            .on('error', (error: ServiceError) => resolve(codeOf(error)));
        }),
      world,
    );
    const started = await start(Whole).then(
      () => 'it starts',
      (error: Error) => error.message,
    );
    if (!started.includes('Whole.whole gets the call of gRPC itself')) throw new Error(started);
  } finally {
    client.close();
    await app.close();
    await world.zitadel.stop();
  }
}
