import { isRecord } from './shape.js';

const ID = /^[A-Za-z0-9]+-[A-Za-z0-9]+$/;
const AT_THE_END = /\(([A-Za-z0-9]+-[A-Za-z0-9]+)\)$/;

/**
 * Reads the error id of an answer. REST (google.rpc.Status): `details[].id`. Connect: `details[].debug.id`, which a server may leave out;
 * in both the message ends with it in brackets. Texts follow Accept-Language, ids do not.
 */
export function errorIdOf(body: unknown): string | undefined {
  if (!isRecord(body)) return undefined;
  const { details, message } = body;
  for (const detail of Array.isArray(details) ? (details as readonly unknown[]) : []) {
    if (!isRecord(detail)) continue;
    const id = detail['id'] ?? (isRecord(detail['debug']) ? detail['debug']['id'] : undefined);
    if (typeof id === 'string' && ID.test(id)) return id;
  }
  return typeof message === 'string' ? AT_THE_END.exec(message)?.[1] : undefined;
}
