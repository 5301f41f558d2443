import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { callerOf, createZitadel, requireThat } from 'nestjs-zitadel/express';
import type { CorpusDoor } from '../door.js';
import { httpClient, pathOf } from './http.js';

const express4 = createRequire(import.meta.url)('express4') as typeof express;

/** Both have the same routes, and ids by name in another place each. */
const doorOf = (make: typeof express, names: Pick<CorpusDoor, 'name' | 'byName'>): CorpusDoor => ({
  ...names,
  has: ['param', 'query', 'body', 'header', 'function'],
  hasHeader: true,
  async open({ options, routes }) {
    const zitadel = createZitadel(options);
    const app = make();
    let ran = 0;
    app.use(make.json({ strict: false }));
    for (const [index, { requirement, params }] of routes.entries()) {
      const guard = requireThat(zitadel, requirement);
      for (const each of params) {
        app.post(pathOf(index, each), guard, (request, response) => {
          ran += 1;
          response.json({ caller: callerOf(request).userId });
        });
      }
    }
    const server = createServer(app as RequestListener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { ask, close } = httpClient(`http://127.0.0.1:${String(port)}`);
    return {
      authorizer: zitadel.authorizer,
      ran: () => ran,
      ask,
      async close() {
        close();
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  },
});

export const express4Door = doorOf(express4, { name: 'Express 4', byName: 'param' });
export const express5Door = doorOf(express, { name: 'Express 5', byName: 'query' });
