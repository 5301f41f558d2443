// The receiver of the proof `webhook`, in a process of its own, so that its memory can be told. Plain JavaScript, so that it runs as it is on
// every supported Node.
import express from 'express';
import { createZitadel, zitadelEvents } from 'nestjs-zitadel/express';

const zitadel = createZitadel({
  issuer: 'https://acme.example',
  audience: '1',
  logger: { debug() {}, log() {}, warn() {}, error() {} },
  events: { signingKeys: process.argv[2] },
});

const app = express();
app.post('/zitadel/events', zitadelEvents(zitadel));
const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));

process.on('message', () => {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  process.send({ held: heapUsed + external, ...zitadel.events.status() });
});
