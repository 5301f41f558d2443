import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttp } from '../../lib/zitadel/http.js';
import { realFetch } from '../zitadel/parts.js';
import { scripted, type ScriptedServer } from '../zitadel/scripted-server.js';

const servers: ScriptedServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Asks a server that answers with these bytes, said to be packed in this way. */
async function ask(bytes: Buffer, encoding: string) {
  const server = await scripted((response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding });
    response.end(bytes);
  });
  servers.push(server);
  const http = createHttp({
    issuer: server.url,
    internalUrl: undefined,
    fetch: realFetch,
    timeoutMs: 60_000,
    budgetMs: 120_000,
  });
  const reply = await http({ family: 'test', method: 'GET', path: '/' });
  return { reply, headers: server.requests[0]?.headers };
}

const JSON_TEXT = Buffer.from('{"ok":true}');

describe('a packed answer', () => {
  it('is asked for and read in gzip, whose unpacking waits for its reader', async () => {
    const { reply, headers } = await ask(gzipSync(JSON_TEXT), 'gzip');
    expect(headers?.['accept-encoding']).toBe('gzip');
    expect(reply).toEqual({ status: 200, body: { ok: true } });
  });

  // Node unpacks deflate and br whether anybody reads or not: a few kilobytes would become gigabytes.
  it.each([
    ['deflate', deflateSync(JSON_TEXT)],
    ['br', brotliCompressSync(JSON_TEXT)],
    ['gzip, gzip', gzipSync(gzipSync(JSON_TEXT))],
  ])('in %s is not read', async (encoding, bytes) => {
    const { reply } = await ask(bytes, encoding);
    expect(reply).toMatchObject({
      kind: 'unusable',
      trouble: 'ZITADEL’s reply is packed in a way that was not asked for',
    });
  });

  it('that says it is not packed is read', async () => {
    const { reply } = await ask(JSON_TEXT, 'identity');
    expect(reply).toEqual({ status: 200, body: { ok: true } });
  });
});
