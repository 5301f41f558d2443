import type { ArgumentsHost } from '@nestjs/common';
import type { RequestLike } from '../../core/request.js';
import type { Told } from './refusal-error.js';

/** Codes of gRPC, by the status that HTTP would have. */
const CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  409: 9,
  500: 13,
  503: 14,
};
const UNKNOWN = 2;

/** The metadata of a call. */
interface Metadata {
  readonly constructor: new () => { set(name: string, value: string): void };
  get(name: string): readonly unknown[];
  getMap(): object;
}

/** What a call of gRPC has in place of headers. Undefined if the message came another way. */
function metadataOf(host: ArgumentsHost): Metadata | undefined {
  const context: unknown = host.getArgs<[payload: unknown, context: unknown]>()[1];
  const { get, getMap } = Object(context) as Partial<Metadata>;
  return typeof get === 'function' && typeof getMap === 'function'
    ? (context as Metadata)
    : undefined;
}

export const isOfGrpc = (host: ArgumentsHost): boolean => metadataOf(host) !== undefined;

/** A client of gRPC hears a code and metadata, and nothing of the object that other transports send. */
export function toldByGrpc(told: Told, status: number, host: ArgumentsHost): Told {
  const Metadata = metadataOf(host)?.constructor;
  if (!Metadata) return told;
  const metadata = new Metadata();
  if (told.errorCode !== undefined) metadata.set('error-code', told.errorCode);
  return { ...told, ...{ code: CODES[status] ?? UNKNOWN, metadata } };
}

/** The metadata as headers. '' if it was sent twice, or is no text: that is never a valid token or id. */
export function headersOf(host: ArgumentsHost): RequestLike['headers'] {
  const metadata = metadataOf(host);
  const names = Object.keys(metadata?.getMap() ?? {});
  return Object.fromEntries(names.map((name) => [name, onlyText(metadata?.get(name) ?? [])]));
}

function onlyText([sent, more]: readonly unknown[]): string {
  return typeof sent === 'string' && more === undefined ? sent : '';
}
