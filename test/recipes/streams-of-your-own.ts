import type { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Express } from 'express';
import {
  checkedResource,
  type CurrentDecision,
  decisionOf,
  type ExpressZitadel,
  org,
  requireRole,
} from 'nestjs-zitadel/express';

/** `news` emits texts under the id of an organization. */
export function serveStreams(
  app: Express,
  zitadel: ExpressZitadel,
  news: EventEmitter,
  rowsOf: (orgId: string) => Readable,
): void {
  const check = requireRole(zitadel, 'ORG_OWNER_VIEWER', org.param('orgId'));

  app.get('/orgs/:orgId/news', check, (req, res) => {
    const orgId = checkedResource(req, 'org');
    const { signal } = decisionOf(req) as CurrentDecision;
    const tell = (text: string) => res.write(`data: ${text}\n\n`);
    news.on(orgId, tell);
    signal.addEventListener('abort', () => {
      news.off(orgId, tell);
      res.end();
    });
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    res.flushHeaders();
  });

  app.get('/orgs/:orgId/rows', check, async (req, res) => {
    const { signal } = decisionOf(req) as CurrentDecision;
    // It breaks the connection, so the client cannot take what it got for everything.
    await pipeline(rowsOf(checkedResource(req, 'org')), res, { signal }).catch(() => undefined);
  });
}
