// In place of express-session: what a server keeps for each cookie. Both applications stand on it.
import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';

export interface Session {
  accessToken?: string;
  [name: string]: unknown;
}

const ofRequest = new WeakMap<object, Session>();

export function sessions(): RequestHandler {
  const all = new Map<string, Session>();
  return (request, response, next) => {
    const sent = /sid=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];
    const id = sent !== undefined && all.has(sent) ? sent : randomUUID();
    const session = all.get(id) ?? {};
    all.set(id, session);
    ofRequest.set(request, session);
    if (id !== sent) response.setHeader('Set-Cookie', `sid=${id}; HttpOnly; SameSite=Strict`);
    next();
  };
}

export const sessionOf = (request: object): Session => ofRequest.get(request) ?? {};
