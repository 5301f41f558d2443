import { Controller, HttpCode, Post } from '@nestjs/common';
import type { CorpusDoor } from '../door.js';
import { httpClient, pathOf } from './http.js';
import { handlersOf, startNest } from './nest.js';

/** Both have the same routes, and ids by name in another place each. */
const doorOf = (
  platform: 'express' | 'fastify',
  names: Pick<CorpusDoor, 'name' | 'byName'>,
): CorpusDoor => ({
  ...names,
  has: ['param', 'query', 'body', 'header', 'function', 'class'],
  hasHeader: true,
  async open(wanted) {
    const { type, ran } = handlersOf(
      wanted.routes,
      ({ params }, index) => [Post(params.map((each) => pathOf(index, each))), HttpCode(200)],
      [Controller()],
    );
    const { url, authorizer, close } = await startNest(platform, wanted, { controllers: [type] });
    const client = httpClient(url);
    return {
      authorizer,
      ran,
      ask: client.ask,
      async close() {
        client.close();
        await close();
      },
    };
  },
});

export const nestOnExpressDoor = doorOf('express', { name: 'Nest on Express', byName: 'body' });
export const nestOnFastifyDoor = doorOf('fastify', { name: 'Nest on Fastify', byName: 'query' });
