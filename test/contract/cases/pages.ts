import { org, role, type ZitadelOptions } from 'nestjs-zitadel/express';
import { throughLibrary } from '../through-library.js';

const PAGE = '<!doctype html><html><title>Attention Required!</title></html>';
const MEMBERSHIPS = /\/memberships\/me\/_search$|\/ListAdministrators$/;
const GRANTS = /\/grants\/_search$|\/ListProjectGrants$/;

/** What a proxy or firewall before ZITADEL answers to some calls, in its place. */
const ANSWERS: readonly (readonly [status: number, what: string, body: string])[] = [
  [400, 'a page', PAGE],
  [401, 'a page', PAGE],
  [403, 'a page', PAGE],
  [404, 'a page', PAGE],
  [405, 'a page', PAGE],
  [401, 'JSON of a gateway', '{"message":"Unauthorized"}'],
  [403, 'JSON of a gateway', '{"message":"Forbidden"}'],
  [200, 'JSON of another shape', '{"ok":true}'],
];

const before = (calls: RegExp, status: number, body: string): Partial<ZitadelOptions> => ({
  fetch: (url, init) =>
    calls.test(new URL(url).pathname)
      ? Promise.resolve(new Response(body, { status }))
      : fetch(url, init),
});

/** The server itself is asked for everything else: what it answers in its own words counts as before. */
export const pages = throughLibrary(
  'errors and hosts',
  ANSWERS.flatMap(([status, what, body]) => [
    {
      says: `${what} with ${String(status)} in place of the memberships is an outage, and nothing about the caller`,
      as: 'alice',
      more: before(MEMBERSHIPS, status, body),
      may: (id: (name: string) => string) => role('ORG_OWNER', org(id('acme'))),
      verdict: '503 unavailable',
    },
    {
      says: `${what} with ${String(status)} in place of the project grants is an outage, and no refusal`,
      serviceUser: 'svc-acme',
      more: before(GRANTS, status, body),
      call: async ({ projectGrants }, { id }) => {
        const of = { organizationId: id('acme'), projectId: id('portal') };
        for await (const grant of projectGrants.list(of)) return grant;
        return undefined;
      },
      verdict: { thrown: 'zitadel_unavailable' },
    },
  ]),
);
