import { describe, expect, it } from 'vitest';
import { has } from '../../../lib/core/own-properties.js';
import { grantFrom, grantsFrom } from '../../../lib/zitadel/grants/project-grant.js';
import { listAdministrators } from '../../../lib/zitadel/memberships/by-v2.js';
import { readMembershipPages } from '../../../lib/zitadel/memberships/by-v1.js';
import { listFrom, pageFrom } from '../../../lib/zitadel/reading.js';
import { CHAPTERS, entriesOf, type Entry } from '../../captures/recording.js';

/** All answers that were recorded of one call. */
function answersOf(path: RegExp): readonly [string, Body][] {
  return CHAPTERS.flatMap((chapter) =>
    entriesOf(chapter)
      .filter((entry) => entry.response?.status === 200 && path.test(entry.request?.path ?? ''))
      .map((entry: Entry) => [`${chapter}: ${entry.name}`, entry.response?.body] as const),
  ).map(([name, body]) => [name, body as Body]);
}

type Body = Readonly<Record<string, unknown>>;

const countOf = (body: unknown, list: string, about: string) => {
  const { [list]: rows = [], [about]: details } = body as Record<string, unknown>;
  const { totalResult = 0 } = details as { readonly totalResult?: string };
  return { rows: (rows as readonly unknown[]).length, total: Number(totalResult) };
};

describe('a recorded list', () => {
  it.each(answersOf(/\/memberships\/(me\/)?_search$/))(
    'of manager roles is read: %s',
    async (_, body) => {
      const list = await readMembershipPages(() => Promise.resolve({ status: 200, body }), {}, 1);
      if (has(list, 'instead')) throw new Error('not a list');
      expect({ rows: list.rows.length, total: list.total }).toEqual(
        countOf(body, 'result', 'details'),
      );
      for (const row of list.rows) {
        expect(row.roles.length, JSON.stringify(row)).toBeGreaterThan(0);
        const { iam, orgId, projectId, projectGrantId } = row;
        expect([iam, orgId, projectId, projectGrantId].filter(Boolean)).toHaveLength(1);
      }
    },
  );

  it.each(answersOf(/\/ListAdministrators$/))('of administrators is read: %s', async (_, body) => {
    const { rows: recorded } = countOf(body, 'administrators', 'pagination');
    const page = pageFrom(body, 'administrators');
    expect(page?.rows).toHaveLength(recorded);
    const users = new Set(page?.rows.map(({ user }) => (user as { readonly id: string }).id));
    for (const userId of users) {
      const own = page?.rows.filter(({ user }) => (user as { readonly id: string }).id === userId);
      const answer = { pagination: {}, administrators: own };
      const list = await listAdministrators(
        () => Promise.resolve({ status: 200, body: answer }),
        userId,
        undefined,
        1,
      );
      expect(list).toMatchObject({ rows: { length: own?.length ?? 0 } });
    }
  });

  it.each(answersOf(/\/(projects\/\d+\/grants|projectgrants|granted_projects)\/_search$/))(
    'of project grants (API v1) is read: %s',
    (_, body) => {
      const list = listFrom(body);
      expect({ rows: list?.rows.length, total: list?.total }).toEqual(
        countOf(body, 'result', 'details'),
      );
      for (const row of list?.rows ?? [])
        expect(grantFrom(row)).toMatchObject({ grantId: row['grantId'] });
    },
  );

  it.each(answersOf(/\/ListProjectGrants$/))(
    'of project grants (API v2) is read: %s',
    (_, body) => {
      const page = grantsFrom(body, {});
      expect({ rows: page?.rows.length, total: page?.total }).toEqual(
        countOf(body, 'projectGrants', 'pagination'),
      );
    },
  );
});

describe('a recorded project grant', () => {
  const grants = answersOf(/\/grants\/\d+$/).filter(
    ([, body]) => 'projectGrant' in (body as object),
  );
  it.each(grants)('is read: %s', (_, body) => {
    const { projectGrant } = body as { readonly projectGrant: { readonly grantId: string } };
    expect(grantFrom(projectGrant)).toMatchObject({ grantId: projectGrant.grantId });
  });
});
