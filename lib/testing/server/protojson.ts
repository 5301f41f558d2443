import { GatewayError, ZitadelError } from './answers.js';

export type Message = Readonly<Record<string, unknown>>;

const LONGEST_ID = 200;

/** The body of a call, by the rules of protojson: none at all counts as an empty message. */
export function parseMessage(text: string): Message {
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const complaint = 'proto: syntax error (line 1:1): invalid value';
    throw badRequest(isCutOff(text) ? 'unexpected EOF' : complaint);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest(
      `proto: syntax error (line 1:1): unexpected token ${text.trim().slice(0, 20)}`,
    );
  }
  return { ...value };
}

/** A field by its JSON name or its proto name; `null` counts as not set. */
export function field(message: Message, name: string): unknown {
  const protoName = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return message[name] ?? message[protoName] ?? undefined;
}

export function stringField(message: Message, name: string): string {
  const value = field(message, name);
  if (value === undefined) return '';
  if (typeof value !== 'string') throw invalidValue('string', name, value);
  return value;
}

export function stringsField(message: Message, name: string): string[] {
  return listField(message, name).map((entry) => {
    if (typeof entry !== 'string') throw invalidValue('string', name, entry);
    return entry;
  });
}

export function booleanField(message: Message, name: string): boolean {
  const value = field(message, name) ?? false;
  if (typeof value !== 'boolean') throw invalidValue('bool', name, value);
  return value;
}

export function messageField(message: Message, name: string): Message | undefined {
  const value = field(message, name);
  return value === undefined ? undefined : asMessage(value, name);
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** A moment (RFC 3339) in microseconds since 1970. */
export function timestampField(message: Message, name: string): number | undefined {
  const value = field(message, name);
  if (value === undefined) return undefined;
  const text = typeof value === 'string' ? value : '';
  const [, seconds = '', fraction = '.', zone = ''] = TIMESTAMP.exec(text) ?? [];
  const millis = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(millis)) throw invalidValue('google.protobuf.Timestamp', name, value);
  return millis * 1000 + Number(fraction.slice(1, 7).padEnd(6, '0'));
}

export function messagesField(message: Message, name: string): Message[] {
  return listField(message, name).map((entry) => asMessage(entry, name));
}

/** `query: { offset, limit }`: numbers or their texts; 0 is no limit. */
export function pageOf(message: Message): { offset: number; limit: number } {
  const query = field(message, 'query');
  if (query === undefined) return { offset: 0, limit: 0 };
  const page = asMessage(query, 'query');
  const limit = unsignedField(page, 'limit', 'uint32', 2 ** 32);
  const offset = unsignedField(page, 'offset', 'uint64', 2 ** 64);
  return { offset, limit };
}

/** The set member of a oneof. */
export interface Chosen {
  readonly name: string;
  readonly value: Message;
}

/** The oneofs in `queries`. More than one member in one object does not parse; none at all does. */
export function chosenQueries(
  body: Message,
  text: string,
  type: string,
  names: readonly string[],
): (Chosen | undefined)[] {
  return messagesField(body, 'queries').map((query) => {
    const name = memberOf(query, text, `${type}.query`, names);
    return name === undefined ? undefined : { name, value: asMessage(field(query, name), name) };
  });
}

/** The name of the set member of a oneof; more than one does not parse. */
export function memberOf(
  message: Message,
  text: string,
  oneof: string,
  names: readonly string[],
): string | undefined {
  const columnOf = (each: string): number => text.indexOf(`"${each}"`) + 1;
  const [name, second] = names
    .filter((each) => field(message, each) !== undefined)
    .sort((left, right) => columnOf(left) - columnOf(right));
  if (second === undefined) return name;
  const column = String(columnOf(second));
  const place = `proto: (line 1:${column}): error parsing "${second}"`;
  throw badRequest(`${place}, oneof ${oneof} is already set`);
}

/** validate.rules of ids in messages: at most 200 characters. */
export function requireShort(id: string, complaint: string): void {
  if ([...id].length > LONGEST_ID) {
    throw invalid(`${complaint}: value length must be at most 200 runes`);
  }
}

/** validate.rules of ids in paths and of required ids: 1 to 200 characters. */
export function requireId(id: string, complaint: string): void {
  const { length } = [...id];
  if (length < 1 || length > LONGEST_ID) {
    throw invalid(`${complaint}: value length must be between 1 and 200 runes, inclusive`);
  }
}

/** validate.rules of lists of ids: each 1 to 200 characters, none twice. */
export function requireIds(ids: readonly string[], complaint: string): void {
  ids.forEach((id, index) => {
    const place = `${complaint}[${String(index)}]`;
    if (ids.indexOf(id) !== index) {
      throw invalid(`${place}: repeated value must contain unique items`);
    }
    requireId(id, place);
  });
}

export function invalid(message: string): ZitadelError {
  return new ZitadelError(3, undefined, `invalid ${message}`);
}

function listField(message: Message, name: string): readonly unknown[] {
  const value = field(message, name);
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalidValue('list', name, value);
  return value;
}

function asMessage(value: unknown, name: string): Message {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidValue('message', name, value);
  }
  return { ...value };
}

export function unsignedField(message: Message, name: string, type: string, end: number): number {
  const value = field(message, name);
  if (value === undefined) return 0;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number >= end) {
    throw invalidValue(type, name, value);
  }
  return number;
}

/** Text that ends before its brackets and strings do. */
function isCutOff(text: string): boolean {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '');
  const opened = bare.replace(/[^[{]/g, '').length;
  const closed = bare.replace(/[^\]}]/g, '').length;
  return opened > closed || bare.includes('"');
}

function invalidValue(type: string, name: string, value: unknown): GatewayError {
  const shown = JSON.stringify(value).slice(0, 40);
  return badRequest(`proto: (line 1:1): invalid value for ${type} field ${name}: ${shown}`);
}

function badRequest(message: string): GatewayError {
  return new GatewayError(400, 3, message);
}
