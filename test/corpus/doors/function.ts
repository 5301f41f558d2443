// The data path itself: a request-like object in, a decision out. No framework, no network but to ZITADEL.
import { createZitadel } from '#dist/create-zitadel.js';
import type { ReadFromClass } from '#dist/core/request.js';
import { authorizationOf, type CorpusDoor } from '../door.js';

const build: ReadFromClass = (type, request, caller) =>
  new (type as unknown as new () => InstanceType<typeof type>)().readId(request, caller);

export const functionDoor: CorpusDoor = {
  name: 'function',
  byName: 'body',
  has: ['param', 'query', 'body', 'header', 'arg', 'function', 'class'],
  hasHeader: true,
  async open({ options, routes, sharedCache }) {
    const { decisions, authorizer } = createZitadel(options, { sharedCache });
    const prepared = routes.map(({ requirement }) => decisions.prepare(requirement));
    let ran = 0;
    return Promise.resolve({
      authorizer,
      ran: () => ran,
      async ask({ route, credential, values }) {
        const compiled = prepared[route];
        if (!compiled) throw new Error(`no route ${String(route)}`);
        const sent = authorizationOf(credential);
        const request = {
          headers: { ...values.header, ...(sent[0] !== undefined && { authorization: sent[0] }) },
          rawHeaders: sent.flatMap((value) => ['Authorization', value]),
          params: values.param,
          query: values.query,
          body: values.body,
          args: values.arg,
        };
        const decision = await decisions.authorize(request, compiled, build);
        if (!decision.allowed) return { code: decision.reason };
        ran += 1;
        return { code: 'allowed', caller: decision.caller.userId };
      },
      close: () => Promise.resolve(),
    });
  },
};
