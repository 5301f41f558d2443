import { jsonFrom, own } from '../../core/own-properties.js';
import { isId, isRecord } from '../reading.js';

/** Something that happened at ZITADEL: of a delivery or of the Event API. Of its payload only ids are kept. */
export interface ZitadelEvent {
  /** For example `org.member.removed`. */
  readonly type: string;
  /** Not told by the Event API. */
  readonly instanceId: string | undefined;
  /** Of ids and names, '' is one that the event does not tell, or not as ZITADEL writes it. */
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** The organization, or for instance members the instance, to which the aggregate belongs. */
  readonly resourceOwner: string;
  /** Grows within one aggregate, and says nothing beyond it. 0 if the event does not tell it. */
  readonly sequence: number;
  /** Milliseconds since the epoch. 0 if the event does not tell it. */
  readonly createdAt: number;
  /** The user that it is about, not the one who did it. */
  readonly userId: string | undefined;
  /** The project grant that it is about, and the organization to which it was given. */
  readonly grantId: string | undefined;
  readonly grantedOrgId: string | undefined;
  /** The token that it is about. */
  readonly tokenId: string | undefined;
}

/** No id of ZITADEL is longer. What is kept of an event is bounded by it. */
const LONGEST_ID = 200;

/** Reads a delivery, or an entry of the Event API. Undefined if it is neither. What is odd in it counts as not told. */
export function eventFrom(json: unknown): ZitadelEvent | undefined {
  const delivered = idIn(json, 'event_type');
  const isDelivery = delivered !== undefined;
  const type = delivered ?? idIn(own(json, 'type'), 'type');
  if (type === undefined) return undefined;
  const aggregate = own(json, 'aggregate');
  const aggregateType =
    (isDelivery ? idIn(json, 'aggregateType') : idIn(own(aggregate, 'type'), 'type')) ?? '';
  const aggregateId = (isDelivery ? idIn(json, 'aggregateID') : idIn(aggregate, 'id')) ?? '';
  const ids = payloadFrom(own(json, isDelivery ? 'event_payload' : 'payload'));
  const isAboutUser = aggregateType === 'user' && aggregateId !== '';
  return {
    type,
    instanceId: isDelivery ? idIn(json, 'instanceID') : undefined,
    aggregateType,
    aggregateId,
    resourceOwner: idIn(isDelivery ? json : aggregate, 'resourceOwner') ?? '',
    sequence: sequenceFrom(own(json, 'sequence')),
    createdAt: timeFrom(own(json, isDelivery ? 'created_at' : 'creationDate')),
    userId: isAboutUser ? aggregateId : idIn(ids, 'userId'),
    grantId: idIn(ids, 'grantId'),
    grantedOrgId: idIn(ids, 'grantedOrgId'),
    tokenId: idIn(ids, 'tokenId'),
  };
}

/** An object, in base64 from older servers. */
function payloadFrom(payload: unknown): unknown {
  if (typeof payload !== 'string') return payload;
  try {
    const value = jsonFrom(Buffer.from(payload, 'base64').toString());
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function idIn(from: unknown, name: string): string | undefined {
  const value = own(from, name);
  return isId(value) && value.length <= LONGEST_ID ? value : undefined;
}

/** A number in deliveries, a text in the Event API. */
function sequenceFrom(value: unknown): number {
  const isDecimal = typeof value === 'string' && /^[0-9]{1,16}$/.test(value);
  const sequence = isDecimal ? Number(value) : value;
  return Number.isSafeInteger(sequence) && (sequence as number) > 0 ? (sequence as number) : 0;
}

function timeFrom(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return time > 0 ? time : 0;
}
