import { createdJson, detailsJson, listJson, pageIn } from '../server/pages.js';
import { invalid, type Oneof, requireId, stringField } from '../server/protojson.js';
import { ZitadelError } from '../server/replies.js';
import { type ApiHandle, callerWith } from './caller.js';
import { namesIn } from './v1-projects.js';

const QUERY = {
  message: 'zitadel.metadata.v1.MetadataQuery',
  field: 'query',
  members: ['keyQuery'],
} as const satisfies Oneof<string>;

/** POST /management/v1/metadata/_search. Written from ZITADEL's documentation, as all of this file. */
export const listOrgMetadata: ApiHandle = (instance, exchange, message) => {
  const asked = pageIn(message, 'query');
  const keys = namesIn(message, exchange, QUERY, 'ListOrgMetadataRequest', 'key');
  const caller = callerWith(instance, exchange, 'org.read');
  const { orgMetadata, reads } = instance.world;
  const rows = [...(orgMetadata.get(caller.orgId) ?? [])].filter(([key]) =>
    keys().every((each) => each === key),
  );
  return listJson(reads, rows, instance.limits.ofV1(asked), ([key, { value, details }]) => ({
    details: detailsJson(details),
    key,
    value,
  }));
};

/** POST /management/v1/metadata/{key} */
export const postOrgMetadata: ApiHandle = (instance, exchange, message) => {
  const value = stringField(message, 'value');
  const caller = callerWith(instance, exchange, 'org.write');
  const key = requireId(exchange.params[0] ?? '', 'SetOrgMetadataRequest.Key');
  if (value === '') throw invalid('SetOrgMetadataRequest.Value: value length must be at least 1');
  const { world } = instance;
  const { orgId } = caller;
  const kept = world.orgMetadata.get(orgId) ?? new Map();
  const happening = { type: 'org.metadata.set', payload: { key, value } };
  const before = kept.get(key)?.details;
  const details = before
    ? world.changed(orgId, before, happening)
    : world.created(orgId, orgId, happening);
  world.orgMetadata.set(orgId, kept.set(key, { value, details }));
  return { details: createdJson(details) };
};

/** DELETE /management/v1/metadata/{key} */
export const deleteOrgMetadata: ApiHandle = (instance, exchange) => {
  const caller = callerWith(instance, exchange, 'org.write');
  const [key = ''] = exchange.params;
  const { orgId } = caller;
  if (instance.world.orgMetadata.get(orgId)?.delete(key) !== true) {
    throw new ZitadelError(5, 'META-mcnw3', 'Errors.Metadata.NotFound');
  }
  instance.world.happened(orgId, orgId, { type: 'org.metadata.removed', payload: { key } });
  return { details: { resourceOwner: orgId } };
};
