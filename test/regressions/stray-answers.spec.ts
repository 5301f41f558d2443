import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { authenticated, role } from '../../lib/core/requirement/builders.js';
import { org, projectGrant } from '../../lib/core/requirement/refs.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import { basic, introspection, userinfo } from '../../lib/express/index.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { type Org, type Project, type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { clientCredentials, pat } from '../../lib/zitadel/credentials.js';
import { decide, realFetch, recorder, verdict } from '../zitadel/parts.js';

let zitadel: ZitadelEmulator;
let [acme, globex]: Org[] = [];
let portal: Project;
let [gina, svc]: User[] = [];
let grantId: string;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
  grantId = zitadel.grantProject(portal, globex, ['reader']).id;
  gina = zitadel.addUser('gina');
  zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
  svc = zitadel.addServiceUser('svc');
  zitadel.addMember(svc, 'instance', ['IAM_OWNER']);
});
afterAll(() => zitadel.stop());
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';
const tokenOf = (user: User | undefined) => zitadel.tokenFor(user as User);

/** What proxies and firewalls say. */
const STRAY: readonly (readonly [number, string, string])[] = [
  [404, 'a page of nginx', '<html><head><title>404 Not Found</title></head></html>'],
  [404, 'an ingress without backends', 'default backend - 404'],
  [404, 'nothing', ''],
  [404, 'JSON of a gateway', '{"message":"no Route matched with those values"}'],
  [404, 'JSON that looks alike', '{"message":"Not Found"}'],
  [
    401,
    'a proxy that asks for a password',
    '<html><title>401 Authorization Required</title></html>',
  ],
  [403, 'a firewall', '<html><title>Attention Required!</title></html>'],
  [405, 'a page of a proxy', '<html><title>405 Not Allowed</title></html>'],
  [200, 'JSON of another shape', '{"ok":true}'],
];
const NOT_FOUND = '{"code":5,"message":"Not Found"}';

/** A library whose calls to these addresses get such an answer of a proxy, as long as it is switched on. */
function behind(
  answer: readonly [number, string],
  reaches: RegExp,
  more: Partial<ZitadelOptions> = {},
) {
  const proxy = { isOn: true, refused: 0 };
  const log = recorder();
  const fetch: typeof realFetch = (url, init) => {
    if (!proxy.isOn || !reaches.test(url)) return realFetch(url, init);
    proxy.refused += 1;
    const [status, text] = answer;
    return Promise.resolve(new Response(text, { status }));
  };
  const { audience, ...options } = zitadel.options({
    logger: log,
    fetch,
    cache: { ttlMs: 0 },
    serviceUser: pat(zitadel.patFor(svc as User)),
    ...more,
  });
  // userinfo() cannot tell for whom a token is.
  const isAsked =
    more.callers !== undefined && 'type' in more.callers && more.callers.type === 'userinfo';
  const asked = isAsked ? {} : { audience };
  const library = createZitadel({ ...options, ...asked } as ZitadelOptions);
  return { library, proxy, log };
}

describe.each(STRAY)('a %i that is %s', (status, _what, text) => {
  const answer = [status, text] as const;

  it('while a project grant is looked up is an outage, and v1 stays', async () => {
    const { library, proxy, log } = behind(answer, /\/grants\//);
    const manages = role('PROJECT_GRANT_OWNER', projectGrant(grantId));
    expect(await decide(library, tokenOf(gina), manages)).toMatchObject({
      reason: 'unavailable',
      remedy: expect.stringContaining('proxy') as string,
    });
    expect(proxy.refused).toBe(1);
    proxy.isOn = false;
    expect(await verdict(library, tokenOf(gina), manages)).toBe('yes');
    expect(log.lines.filter((line) => line.includes('not served'))).toEqual([]);
  });

  it('to everything is an outage, which heals', async () => {
    const { library, proxy } = behind(answer, /\/auth\/|AdministratorService|ListAdministrators/);
    const owns = role('ORG_OWNER', org(idOf(globex)));
    expect(await decide(library, tokenOf(gina), owns)).toMatchObject({ reason: 'unavailable' });
    proxy.isOn = false;
    vi.advanceTimersByTime(1_000);
    expect(await verdict(library, tokenOf(gina), owns)).toBe('yes');
  });

  it('to the service that grants is an outage, and no mistake of its caller', async () => {
    const { library, proxy } = behind(answer, /\/grants\//);
    const of = { organizationId: idOf(acme), projectId: portal.id, grantId };
    await expect(library.projectGrants.get(of)).rejects.toMatchObject({
      code: 'zitadel_unavailable',
      message: expect.stringContaining('proxy') as string,
    });
    proxy.isOn = false;
    expect(await library.projectGrants.get(of)).toMatchObject({ grantId });
  });

  it('to discovery, userinfo, introspection and the sign-in of the service user is one too', async () => {
    const { clientId, clientSecret: secret } = zitadel.addApiApplication(zitadel.defaultProject);
    const machine = zitadel.addSecret(svc as User);
    const ways: readonly [RegExp, Partial<ZitadelOptions>][] = [
      [/openid-configuration/, {}],
      [/userinfo/, { callers: userinfo() }],
      [/introspect/, { callers: introspection(basic(clientId, secret)) }],
      [
        /oauth\/v2\/token/,
        {
          memberships: { as: 'serviceUser' },
          serviceUser: clientCredentials(machine.clientId, machine.clientSecret),
        },
      ],
    ];
    for (const [reaches, more] of ways) {
      const { library, proxy } = behind(answer, reaches, more);
      expect(await verdict(library, tokenOf(gina), authenticated())).toBe('unavailable');
      expect(proxy.refused).toBeGreaterThan(0);
      proxy.isOn = false;
      vi.advanceTimersByTime(2_000);
      expect(await verdict(library, tokenOf(gina), authenticated())).toBe('yes');
    }
  });
});

describe('one answer "Not Found" of a server that has v1', () => {
  it('does not lose v1: a second later ids of grants are known again', async () => {
    const { library, proxy } = behind([404, NOT_FOUND], /\/grants\//);
    const manages = role('PROJECT_GRANT_OWNER', projectGrant(grantId));
    proxy.isOn = false;
    expect(await verdict(library, tokenOf(gina), manages)).toBe('yes');
    proxy.isOn = true;
    await verdict(library, tokenOf(gina), manages);
    proxy.isOn = false;
    vi.advanceTimersByTime(1_000);
    expect(await verdict(library, tokenOf(gina), manages)).toBe('yes');
  });
});
