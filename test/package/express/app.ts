// An Express application in TypeScript, on a machine without any package of Nest. Without top-level await, so that it is an ES module or
// CommonJS, as the compiler is told.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { callerOf, createZitadel, org, requireRole } from 'nestjs-zitadel/express';
import { openTelemetry } from 'nestjs-zitadel/opentelemetry';
import { checkAnswers, startWorld } from '../answers.js';

export async function tryOut(): Promise<void> {
  const world = await startWorld();
  const zitadel = createZitadel(world.zitadel.options({ telemetry: openTelemetry() }));
  const app = express();
  app.get('/orgs/:orgId', requireRole(zitadel, 'ORG_OWNER', org.param('orgId')), (req, res) => {
    res.json({ orgId: req.params.orgId, userId: callerOf(req).userId });
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await checkAnswers(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, world);
  } finally {
    server.close();
    await world.zitadel.stop();
  }
}
