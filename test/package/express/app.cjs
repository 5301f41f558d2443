// The same application in CommonJS.
const events = require('node:events');
const express = require('express');
const { callerOf, createZitadel, org, requireRole } = require('nestjs-zitadel/express');
const { openTelemetry } = require('nestjs-zitadel/opentelemetry');
const { checkAnswers, startWorld } = require('../answers.js');

async function main() {
  const world = await startWorld();
  const zitadel = createZitadel(world.zitadel.options({ telemetry: openTelemetry() }));
  const app = express();
  app.get('/orgs/:orgId', requireRole(zitadel, 'ORG_OWNER', org.param('orgId')), (req, res) => {
    res.json({ orgId: req.params.orgId, userId: callerOf(req).userId });
  });
  const server = app.listen(0, '127.0.0.1');
  await events.once(server, 'listening');
  try {
    await checkAnswers(`http://127.0.0.1:${server.address().port}`, world);
  } finally {
    server.close();
    await world.zitadel.stop();
  }
}

void main();
