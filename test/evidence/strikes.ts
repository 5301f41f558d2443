import type { Socket } from 'node:net';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { headOf, JSON_TYPE, type Strike, type Struck } from './fault-server.js';

/** One after the other in this pace, where an answer is to take for ever. */
const SLOWLY_MS = 20;
const BLANKS = Buffer.alloc(64 * 1_024, ' ');

/** A whole answer, then the end of the connection. */
export function answering(
  status: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = JSON_TYPE,
): Strike {
  return (socket) => {
    const length = String(Buffer.byteLength(body));
    socket.write(headOf(status, { connection: 'close', 'content-length': length, ...headers }));
    socket.end(body);
  };
}

/** A head that says it all: no body comes. */
export function bodiless(status: number, headers: Readonly<Record<string, string>> = {}): Strike {
  return (socket) => {
    socket.end(headOf(status, { connection: 'close', ...headers }));
  };
}

/** What ZITADEL says, bent. */
export function bent(bend: (body: string, struck: Struck) => string): Strike {
  return async (socket, struck) => {
    const { status, body } = await struck.right();
    await answering(status, bend(body.toString(), struck))(socket, struck);
  };
}

/** The connection is there, and nothing is ever said. */
export const silence: Strike = () => undefined;

export const resetInHead: Strike = (socket) => {
  socket.write('HTTP/1.1 200 Answer\r\ncontent-ty');
  setTimeout(() => socket.resetAndDestroy(), 2);
};

export const resetInBody: Strike = async (socket, { right }) => {
  const { status, body } = await right();
  socket.write(headOf(status, { ...JSON_TYPE, 'content-length': String(body.length) }));
  socket.write(body.subarray(0, body.length / 2));
  setTimeout(() => socket.resetAndDestroy(), 2);
};

export const slowHead: Strike = (socket) => {
  socket.write('HTTP/1.1 200 Answer\r\nx-slow: ');
  drip(socket, () => 'a');
};

/** The right answer, of which only the first byte comes in time. */
export const slowBody: Strike = async (socket, { right }) => {
  const { status, body } = await right();
  socket.write(headOf(status, { ...JSON_TYPE, 'content-length': String(body.length) }));
  let at = 0;
  drip(socket, () => body.subarray(at, (at += 1)), 1_000);
};

/** White space for ever, as fast as it is read. */
export const endlessBody: Strike = (socket) => {
  socket.write(headOf(200, { ...JSON_TYPE, 'transfer-encoding': 'chunked' }));
  pour(socket, () => chunk(BLANKS));
};

export const endlessSlowBody: Strike = (socket) => {
  socket.write(headOf(200, { ...JSON_TYPE, 'transfer-encoding': 'chunked' }));
  drip(socket, () => '1\r\n \r\n');
};

/** The right body under a wrong `Content-Length`. */
export function misMeasured(by: number): Strike {
  return async (socket, { right }) => {
    const { status, body } = await right();
    const length = String(Math.max(1, body.length + by));
    socket.write(headOf(status, { ...JSON_TYPE, 'content-length': length }));
    socket.end(body);
  };
}

/** The right body in chunks that are none. */
export function badlyChunked(kind: 'no number' | 'too long' | 'no end' | 'two lengths'): Strike {
  return async (socket, { right }) => {
    const { status, body } = await right();
    const headers = { ...JSON_TYPE, 'transfer-encoding': 'chunked' };
    const more = kind === 'two lengths' ? { 'content-length': String(body.length) } : {};
    socket.write(headOf(status, { ...headers, ...more }));
    const size = kind === 'no number' ? 'zz' : (body.length + 10).toString(16);
    const part =
      kind === 'no end' ? chunk(body) : Buffer.concat([Buffer.from(`${size}\r\n`), body]);
    socket.end(part);
  };
}

/** 100 KB of headers: in one, or in many. */
export function largeHead(lines: number): Strike {
  return async (socket, { right }) => {
    const { status, body } = await right();
    const each = 'a'.repeat(100_000 / lines);
    const many = Array.from({ length: lines }, (_, at) => [`x-large-${at}`, each] as const);
    const length = { 'content-length': String(body.length) };
    socket.write(headOf(status, { ...JSON_TYPE, ...Object.fromEntries(many), ...length }));
    socket.end(body);
  };
}

const PACKERS = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: (bytes: Buffer) =>
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
} as const;
const packed = new Map<string, Buffer>();

/** A few kilobytes that unpack to 64 MiB of white space. Packed when it is made, which takes its time. */
export function bomb(encoding: keyof typeof PACKERS): Strike {
  const bytes = packed.get(encoding) ?? PACKERS[encoding](Buffer.alloc(64 * 2 ** 20, ' '));
  packed.set(encoding, bytes);
  return answering(200, bytes, { ...JSON_TYPE, 'content-encoding': encoding });
}

/** The right answer, said to be packed and hurt on the way. */
export function badlyPacked(kind: 'not packed' | 'flipped' | 'cut'): Strike {
  return async (socket, struck) => {
    const { status, body } = await struck.right();
    const packed = gzipSync(body);
    const middle = Math.floor(packed.length / 2);
    // The checksum at the end does not fit any more, whatever else does.
    for (const at of [middle, packed.length - 6]) packed[at] = (packed[at] ?? 0) ^ 0xff;
    const bytes =
      kind === 'not packed' ? body : kind === 'flipped' ? packed : packed.subarray(0, middle);
    await answering(status, bytes, { ...JSON_TYPE, 'content-encoding': 'gzip' })(socket, struck);
  };
}

/** A text that is followed by another one, a million times, in chunks. */
export function pourMany(socket: Socket, before: string, each: string, after: string): void {
  socket.write(headOf(200, { ...JSON_TYPE, 'transfer-encoding': 'chunked' }));
  socket.write(chunk(Buffer.from(before)));
  const block = chunk(Buffer.from(each.repeat(1_000)));
  let left = 1_000;
  pour(
    socket,
    () => {
      left -= 1;
      if (left >= 0) return block;
      if (left === -1) return chunk(Buffer.from(after));
      return '0\r\n\r\n';
    },
    () => left < -1,
  );
}

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]);
}

function drip(socket: Socket, next: () => string | Buffer, everyMs = SLOWLY_MS): void {
  socket.write(next());
  const timer = setInterval(() => socket.write(next()), everyMs);
  socket.once('close', () => clearInterval(timer));
}

/** Writes as fast as the other side reads. */
export function pour(
  socket: Socket,
  next: () => string | Buffer,
  ended: () => boolean = () => false,
): void {
  const more = (): void => {
    if (socket.destroyed || ended()) return;
    if (socket.write(next())) setImmediate(more);
    else socket.once('drain', more);
  };
  more();
}
