import { request as httpRequest } from 'node:http';

import { differences } from './compare.js';
import { RECORDED_ISSUER, type RecordedWorld } from './recorded-world.js';
import type { Entry } from './recording.js';

/** When most of the token exchanges were recorded, in seconds since 1970. */
const RECORDED_AT = 1_795_510_599;
const RECORDED_AHEAD = 5;
/** From when on events were asked for. */
const RECORDED_BEGIN = '2026-11-24T08:56:34.635Z';

/** Where events were delivered to. */
const RECORDED_RECEIVER = 'http://localhost:34191/zitadel/events';

const ASSERTIONS = new Set(['assertion', 'client_assertion']);
const COMPARED_HEADERS = ['content-type', 'www-authenticate', 'cache-control', 'location'];

export interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Sends a recorded request with ids and secrets of this world. */
export async function send(world: RecordedWorld, entry: Entry): Promise<Received> {
  const { request } = entry;
  if (request === undefined) throw new Error(`${entry.name} has no request`);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, unlabel(world, value)]),
  );
  // Entries about addresses were recorded through another host name than the issuer's.
  const elsewhere = /^(unknown instance|internal address)/.test(entry.name);
  headers['host'] = elsewhere ? '127.0.0.1:8080' : new URL(RECORDED_ISSUER).host;
  return exchange(
    world,
    request.method,
    unlabel(world, request.path),
    headers,
    bodyOf(world, entry),
  );
}

/** Everything in which the answer differs from the recorded one. */
export function compare(world: RecordedWorld, entry: Entry, received: Received): string[] {
  const { response } = entry;
  if (response === undefined) throw new Error(`${entry.name} has no response`);
  const { status, headers, text } = received;
  // Another answer altogether: there is nothing to compare it with.
  if (status !== response.status) {
    return [`status ${String(status)} instead of ${String(response.status)}: ${text}`];
  }
  const found: string[] = [];
  for (const name of COMPARED_HEADERS) {
    const [recorded, here] = [response.headers[name] ?? '', headers[name] ?? ''];
    found.push(...differences(recorded, here, world.ids, `header.${name}`));
  }
  if (response.text !== undefined) {
    found.push(...differences(response.text, text, world.ids, 'text'));
  } else {
    found.push(...differences(response.body, jsonOf(text), world.ids));
  }
  return found;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function exchange(
  world: RecordedWorld,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): Promise<Received> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(`${world.zitadel.url}${path}`, { method, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const received = incoming.headers as Record<string, string>;
        resolve({ status: incoming.statusCode ?? 0, headers: received, text });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function bodyOf(world: RecordedWorld, entry: Entry): string | undefined {
  const { body, form } = entry.request ?? {};
  if (form !== undefined) {
    const fields = Object.entries(form).map(([name, value]): [string, string] => [
      name,
      ASSERTIONS.has(name) ? assertionOf(world, entry.name, value) : unlabel(world, value),
    ]);
    return new URLSearchParams(fields).toString();
  }
  if (body === undefined) return undefined;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return world.ids
    .translate(text)
    .replaceAll(RECORDED_BEGIN, world.begin)
    .replaceAll(RECORDED_RECEIVER, world.receiver.url);
}

function assertionOf(world: RecordedWorld, name: string, label: string): string {
  const parts = /^<JWT (\{.*?\}) (\{.*\})>$/.exec(label);
  if (parts === null) return label;
  const header = JSON.parse(parts[1] ?? '') as { alg: string; kid: string };
  const claims = JSON.parse(parts[2] ?? '') as { iat: number };
  const unusual = /expired|iat /.test(name);
  const recordedAt = unusual ? RECORDED_AT : claims.iat + RECORDED_AHEAD;
  const seconds = Math.floor(Date.now() / 1000) - recordedAt;
  const keyId = /key of another user|wrong key/.test(name) ? 'key of bob' : header.kid;
  return world.assertion(header, claims, seconds, keyId);
}

function unlabel(world: RecordedWorld, text: string): string {
  const labelled = text.replace(/<([^<>]+)>/g, (whole, label: string) => {
    const secret = world.labels.get(label);
    if (secret === undefined) throw new Error(`nothing stands for ${whole}`);
    return secret;
  });
  return world.ids.translate(labelled);
}
