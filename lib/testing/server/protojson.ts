import type { State } from '../world/state.js';
import { GatewayError, notEmulated, ZitadelError } from './replies.js';

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
    throw new GatewayError(isCutOff(text) ? 'unexpected EOF' : complaint);
  }
  if (isMessage(value)) return value;
  const token = text.trim().slice(0, 20);
  throw new GatewayError(`proto: syntax error (line 1:1): unexpected token ${token}`);
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

/** A message that is not set reads like an empty one. */
export function messageField(message: Message, name: string): Message {
  return asMessage(field(message, name) ?? {}, name);
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

const DURATION = /^(-?\d+(?:\.\d{1,9})?)s$/;

/** A time span, `"5s"`, in milliseconds. */
export function durationField(message: Message, name: string): number | undefined {
  const value = field(message, name);
  if (value === undefined) return undefined;
  const seconds = DURATION.exec(typeof value === 'string' ? value : '')?.[1];
  if (seconds === undefined) throw invalidValue('google.protobuf.Duration', name, value);
  return Number(seconds) * 1000;
}

/** With three digits of fraction where there is one. */
export function durationJson(ms: number): string {
  return `${ms % 1000 === 0 ? String(ms / 1000) : (ms / 1000).toFixed(3)}s`;
}

/** Whether a row belongs into a list. */
export type Condition<Row> = (row: Row, state: State) => boolean;

/** A oneof of protobuf whose members are conditions. */
export interface Oneof<Row> {
  /** With the package: `zitadel.user.v1.MembershipQuery`. */
  readonly message: string;
  readonly field: 'query' | 'filter' | 'resource';
  /** What each member asks for; throws for what is not valid. One that is `undefined` is not emulated. */
  readonly members: Readonly<Record<string, Reader<Row> | undefined>>;
  /** The members that are not messages. Their readers get the message that they stand in. */
  readonly scalars?: readonly string[];
}

/** `place` is where complaints about the value begin. */
type Reader<Row> = (value: Message, place: string, text: string) => Condition<Row>;

export const FAILED = 'embedded message failed validation | caused by: invalid';

/** The conditions in a list of oneofs, in the two steps of {@link conditionIn}. */
export function conditionsIn<Row>(
  message: Message,
  list: string,
  text: string,
  oneof: Oneof<Row>,
  place: string,
): () => Condition<Row>[] {
  const conditions = messagesField(message, list).map((each, index) =>
    conditionIn(each, text, oneof, `${place}[${String(index)}]: ${FAILED}`),
  );
  return () => conditions.map((condition) => condition());
}

/**
 * Reads a oneof. Two members do not parse, so that throws at once. No member parses but is not valid:
 * calling the result throws.
 */
export function conditionIn<Row>(
  message: Message,
  text: string,
  oneof: Oneof<Row>,
  place: string,
): () => Condition<Row> {
  const columnOf = (each: string): number => text.indexOf(`"${each}"`) + 1;
  const [name, second] = Object.keys(oneof.members)
    .filter((each) => field(message, each) !== undefined)
    .sort((left, right) => columnOf(left) - columnOf(right));
  if (second !== undefined) {
    throw new GatewayError(
      `proto: (line 1:${String(columnOf(second))}): error parsing "${second}", ` +
        `oneof ${oneof.message}.${oneof.field} is already set`,
    );
  }
  const isScalar = name === undefined || oneof.scalars?.includes(name) === true;
  const value = isScalar ? message : messageField(message, name);
  const inside = `${place} ${oneof.message.slice(oneof.message.lastIndexOf('.') + 1)}`;
  return () => {
    if (name === undefined) throw invalid(`${inside}.${goName(oneof.field)}: value is required`);
    const reader = oneof.members[name];
    if (reader !== undefined) return reader(value, `${inside}.${goName(name)}`, text);
    throw notEmulated(name);
  };
}

/** Asks for the rows of one id, which is required. */
export function byId<Row>(
  idOf: (row: Row) => string | undefined,
  what = 'IDFilter.Id',
): Reader<Row> {
  return (value, place) => {
    const id = idField(value, 'id', `${place}: ${FAILED} ${what}`);
    return (row) => idOf(row) === id;
  };
}

/** Asks for the rows of any of these ids. */
export function byIds<Row>(idOf: (row: Row) => string): Reader<Row> {
  return (value, place) => {
    const ids = idsField(value, 'ids', `${place}: ${FAILED} InIDsFilter.Ids`);
    return (row) => ids.includes(idOf(row));
  };
}

/** Asks for the rows with exactly this text. Other ways to compare are not emulated. Each generation names its own ways. */
export function byText<Row>(
  name: string,
  textOf: (row: Row) => string,
  kind: 'TEXT_QUERY' | 'TEXT_FILTER',
): Reader<Row> {
  return (value) => {
    const wanted = stringField(value, name);
    const method = stringField(value, 'method');
    if (['', `${kind}_METHOD_EQUALS`].includes(method)) return (row) => textOf(row) === wanted;
    throw notEmulated(`the filter method ${method}`);
  };
}

/** A field as Go calls it. */
export function goName(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** An optional id, which validate.rules hold to 200 characters. */
export function shortField(message: Message, name: string, complaint: string): string {
  const id = stringField(message, name);
  if ([...id].length <= LONGEST_ID) return id;
  throw invalid(`${complaint}: value length must be at most 200 runes`);
}

/** A required id. */
export function idField(message: Message, name: string, complaint: string): string {
  return requireId(stringField(message, name), complaint);
}

/** validate.rules of ids in paths and of required ids: 1 to 200 characters. Other texts may be longer. */
export function requireId(id: string, complaint: string, most = LONGEST_ID): string {
  const { length } = [...id];
  if (length >= 1 && length <= most) return id;
  const bounds = `between 1 and ${String(most)} runes, inclusive`;
  throw invalid(`${complaint}: value length must be ${bounds}`);
}

/** A list of required ids, none of them twice. */
function idsField(message: Message, name: string, complaint: string): string[] {
  const ids = stringsField(message, name);
  ids.forEach((id, index) => {
    const place = `${complaint}[${String(index)}]`;
    if (ids.indexOf(id) !== index) {
      throw invalid(`${place}: repeated value must contain unique items`);
    }
    requireId(id, place);
  });
  return ids;
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
  if (isMessage(value)) return value;
  throw invalidValue('message', name, value);
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function unsignedField(message: Message, name: string, bits: 32 | 64): number {
  const value = field(message, name);
  if (value === undefined) return 0;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (
    typeof number !== 'number' ||
    !Number.isInteger(number) ||
    number < 0 ||
    number >= 2 ** bits
  ) {
    throw invalidValue(`uint${String(bits)}`, name, value);
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
  const place = `invalid value for ${type} field ${name}`;
  return new GatewayError(`proto: (line 1:1): ${place}: ${shown}`);
}
