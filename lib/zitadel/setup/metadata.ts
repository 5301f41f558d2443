import { textOf } from '../reading.js';
import { type Administration, ALL_ROWS_V2, changedAt, segment } from './administration.js';

const V1 = '/management/v1/metadata';
const V2 = 'org.v2.OrganizationService';

/** A text that is kept at the organization. */
interface Kept {
  readonly text: string;
  readonly changedAt: number;
}

/** Reads what is kept at the organization under this key. */
export async function readMetadata(
  administration: Administration,
  key: string,
): Promise<Kept | undefined> {
  const { orgId: organizationId } = administration;
  const method = 'TEXT_QUERY_METHOD_EQUALS';
  const rows = await administration.list(
    'metadata of the organization',
    {
      v1: {
        method: 'POST',
        path: `${V1}/_search`,
        json: { queries: [{ keyQuery: { key, method } }] },
      },
      v2: {
        rpc: `${V2}/ListOrganizationMetadata`,
        message: { organizationId, pagination: ALL_ROWS_V2 },
      },
    },
    'metadata',
  );
  const row = rows.find((each) => each['key'] === key);
  const text = Buffer.from(textOf(row?.['value']), 'base64').toString();
  return row && { text, changedAt: changedAt(row) };
}

export async function writeMetadata(
  administration: Administration,
  key: string,
  text: string,
): Promise<void> {
  const { orgId: organizationId } = administration;
  const value = Buffer.from(text).toString('base64');
  await administration.do('metadata of the organization', {
    v1: { method: 'POST', path: `${V1}/${segment(key)}`, json: { value } },
    v2: {
      rpc: `${V2}/SetOrganizationMetadata`,
      message: { organizationId, metadata: [{ key, value }] },
    },
  });
}

export async function removeMetadata(administration: Administration, key: string): Promise<void> {
  const { orgId: organizationId } = administration;
  await administration.do('metadata of the organization', {
    v1: { method: 'DELETE', path: `${V1}/${segment(key)}` },
    v2: { rpc: `${V2}/DeleteOrganizationMetadata`, message: { organizationId, keys: [key] } },
  });
}
