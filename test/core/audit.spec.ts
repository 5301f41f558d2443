import { describe, expect, it } from 'vitest';
import { auditTo } from '../../lib/core/audit.js';
import { role } from '../../lib/core/requirement/builders.js';
import { org } from '../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { AuditRecord } from '../../lib/index.js';
import { gate, settle } from './gate.js';
import { useWorld } from '../support/world.js';
import { recorder, verdict } from '../zitadel/parts.js';

const world = useWorld();
const libraryOf = (): Zitadel => createZitadel(world.zitadel.options({ logger: recorder() }));
const asOwner = () => role('ORG_OWNER', org(world.acme));

describe('an audit', () => {
  it('is given one plain record for each decision and eviction, without a token', async () => {
    const { authorizer, decisions } = libraryOf();
    const records: AuditRecord[] = [];
    const audit = auditTo(authorizer, (record) => records.push(record));
    const token = world.tokens['owner of acme'];
    const library = { decisions };
    expect(await verdict(library, token, asOwner())).toBe('yes');
    expect(await verdict(library, world.tokens.nobody, asOwner())).toBe('role_missing');
    expect(await verdict(library, 'no.good.token', asOwner())).toBe('token_invalid');
    await authorizer.evict(world.ids['owner of acme']);
    await audit.stop();
    await authorizer.evictAll();
    const issuer = world.zitadel.issuer;
    expect(records).toMatchObject([
      {
        type: 'decision',
        allowed: true,
        requirement: `ORG_OWNER on org ${world.acme}`,
        userId: world.ids['owner of acme'],
        issuer,
        by: { kind: 'org', id: world.acme, roles: ['ORG_OWNER'] },
        checked: [{ kind: 'org', id: world.acme }],
      },
      { type: 'decision', allowed: false, userId: world.ids.nobody, reason: 'role_missing' },
      { type: 'decision', allowed: false, reason: 'token_invalid' },
      { type: 'eviction', from: 'application', eviction: { type: 'user' } },
    ]);
    const text = JSON.stringify(records);
    expect(JSON.parse(text)).toEqual(records);
    for (const each of [token, world.tokens.nobody]) {
      for (const part of each.split('.')) expect(text).not.toContain(part);
    }
    expect(audit.lost).toBe(0);
  });

  it('keeps no decision waiting for a sink that is slow, and counts what it loses', async () => {
    const { authorizer } = libraryOf();
    const slow = gate();
    let written = 0;
    const audit = auditTo(authorizer, () => {
      written += 1;
      return slow.passed;
    });
    for (let i = 0; i < 10_005; i += 1) await authorizer.evictAll();
    await settle();
    expect([written, audit.lost]).toEqual([1, 5]);
    slow.open();
    await audit.stop();
    expect([written, audit.lost]).toEqual([10_000, 5]);
  });

  it('goes on after a sink that throws or rejects, and counts what was lost', async () => {
    const { authorizer } = libraryOf();
    const sinks: (() => unknown)[] = [
      () => {
        throw new Error('full');
      },
      () => Promise.reject(new Error('full')),
      () => undefined,
    ];
    let written = 0;
    const audit = auditTo(authorizer, () => sinks[(written += 1) - 1]?.());
    for (let i = 0; i < 3; i += 1) await authorizer.evictAll();
    await audit.stop();
    expect([written, audit.lost]).toEqual([3, 2]);
  });
});
