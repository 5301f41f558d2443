import type { Type } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { GLOBAL } from './application.js';
import { type Platform, type RunningNest, startNest } from './start.js';
import { ZitadelModule, type ZitadelModuleOptions } from '../../lib/index.js';

/** What an application may give GraphQLModule, whatever the driver. */
export interface GraphqlSettings {
  readonly context?: unknown;
  readonly formatError?: ApolloDriverConfig['formatError'];
  readonly fieldResolverEnhancers?: ApolloDriverConfig['fieldResolverEnhancers'];
}

/** The drivers, each on the servers that it knows. */
export const STACKS = {
  'Apollo on Express': {
    platform: 'express',
    module: (given: GraphqlSettings) =>
      GraphQLModule.forRoot<ApolloDriverConfig>({
        ...COMMON,
        driver: ApolloDriver,
        allowBatchedHttpRequests: true,
        subscriptions: { 'graphql-ws': true },
        ...(given as ApolloDriverConfig),
      }),
  },
  'Apollo on Fastify': {
    platform: 'fastify',
    module: (given: GraphqlSettings) => STACKS['Apollo on Express'].module(given),
  },
  'Mercurius on Fastify': {
    platform: 'fastify',
    module: (given: GraphqlSettings) =>
      GraphQLModule.forRoot<MercuriusDriverConfig>({
        ...COMMON,
        driver: MercuriusDriver,
        allowBatchedQueries: true,
        subscription: { fullWsTransport: true },
        ...(given as MercuriusDriverConfig),
      }),
  },
} as const satisfies Record<string, { readonly platform: Platform; readonly module: unknown }>;

/** A driver on a server. */
export type Stack = keyof typeof STACKS;

const COMMON = {
  autoSchemaFile: true,
  fieldResolverEnhancers: ['guards', 'filters'],
} as const satisfies Partial<ApolloDriverConfig>;

/** What a GraphQL server answers. */
export interface Answer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly unknown[];
    readonly extensions?: Readonly<Record<string, unknown>>;
  }[];
}

/** An application with GraphQL that listens. */
export interface RunningGraphql extends RunningNest {
  ask(token: string | undefined, query: string, variables?: object): Promise<Answer>;
  askAll(token: string, queries: readonly string[]): Promise<readonly Answer[]>;
}

/** Starts an application with GraphQL. */
export async function startGraphql(
  stack: Stack,
  options: ZitadelModuleOptions,
  resolvers: readonly Type[],
  given: GraphqlSettings & { readonly providers?: readonly object[] } = {},
): Promise<RunningGraphql> {
  const { providers = [], ...settings } = given;
  const { platform, module } = STACKS[stack];
  const running = await startNest(platform, {
    imports: [module(settings), ZitadelModule.forRoot(options as never)],
    providers: [...resolvers, GLOBAL, ...(providers as [])],
  });
  const post = async (token: string | undefined, body: unknown) => {
    const response = await fetch(`${running.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
    return response.json();
  };
  return {
    ...running,
    ask: (token, query, variables) => post(token, { query, variables }) as Promise<Answer>,
    askAll: (token, queries) =>
      post(
        token,
        queries.map((query) => ({ query })),
      ) as Promise<Answer[]>,
  };
}

/** What a subscriber has heard so far, and how it ended. */
export interface Heard {
  readonly values: Answer[];
  ended?: unknown;
}

/** A client of graphql-ws. The headers are those of the upgrade. */
export function subscriberOf(
  url: string,
  connectionParams: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
) {
  class Socket extends WebSocket {
    constructor(address: string, protocols: string | string[]) {
      super(address, protocols, { headers });
    }
  }
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: Socket,
    connectionParams,
    retryAttempts: 0,
  });
  return {
    listen(
      query: string,
      extensions?: Readonly<Record<string, unknown>>,
    ): Heard & { stop(): void } {
      const heard: Heard & { stop(): void } = { values: [], stop: () => undefined };
      heard.stop = client.subscribe(
        { query, ...(extensions && { extensions }) },
        {
          next: (value) => heard.values.push(value as Answer),
          error: (error) => void (heard.ended = error),
          complete: () => void (heard.ended ??= 'complete'),
        },
      );
      return heard;
    },
    close: () => client.dispose(),
  };
}
