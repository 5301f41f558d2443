/** An answer that is not ZITADEL's. */
export interface PageAnswer {
  readonly from: string;
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const HTML = { 'content-type': 'text/html; charset=utf-8' } as const;
const JSON_TYPE = { 'content-type': 'application/json' } as const;
const TEXT = { 'content-type': 'text/plain' } as const;

const page = (from: string, status: number, title: string, more = {}): PageAnswer => ({
  from,
  status,
  body: `<!doctype html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`,
  headers: { ...HTML, ...more },
});
const json = (from: string, status: number, body: unknown, more = {}): PageAnswer => ({
  from,
  status,
  body: JSON.stringify(body),
  headers: { ...JSON_TYPE, ...more },
});
const text = (from: string, status: number, body: string, more = {}): PageAnswer => ({
  from,
  status,
  body,
  headers: { ...TEXT, ...more },
});

/** What proxies, gateways, firewalls and other servers say, with the headers that they ask by. */
export const PAGES: readonly PageAnswer[] = [
  page('a proxy with a password', 401, '401 Authorization Required', {
    'www-authenticate': 'Basic realm="proxy"',
  }),
  text('a mesh that reads tokens', 401, 'Jwt is missing', { 'www-authenticate': 'Bearer' }),
  json('a mesh in gRPC’s words', 401, { code: 16, message: 'JWT validation failed: no keys' }),
  json('another OpenID provider', 401, {
    error: 'invalid_token',
    error_description: 'Token verification failed',
  }),
  json('another server’s OAuth', 401, { error: 'unauthorized_client' }),
  page('a firewall', 403, 'Attention Required! | Cloudflare'),
  json('a gateway in the cloud', 403, { message: 'Forbidden' }, { 'x-amzn-requestid': '1' }),
  text('a mesh', 403, 'RBAC: access denied'),
  json('a gateway with an error', 403, { error: 'access denied' }),
  json('a firewall with numbers of its own', 403, { code: 403, message: 'blocked (WAF-1020)' }),
  page('a proxy with small buffers', 400, '400 Request Header Or Cookie Too Large'),
  json('a gateway that checks', 400, { error: { code: 'BadRequest', message: 'no such host' } }),
  page('a proxy without a way', 404, '404 Not Found'),
  json('a gateway without a route', 404, { message: 'no Route matched with those values' }),
  text('a proxy written in Go', 404, '404 page not found\n'),
  page('a proxy that knows methods', 405, '405 Not Allowed'),
  page('a filter', 451, 'Unavailable For Legal Reasons'),
  page('a gate that slows down', 429, 'Too Many Requests'),
  page('a proxy whose server is away', 502, '502 Bad Gateway'),
  page('a network that wants a sign-in', 200, 'Welcome'),
  json('a server that says nothing', 200, {}),
  json('a server that is well', 200, { ok: true }),
  json('a server with a list', 200, []),
  json('a server without words', 200, null),
  json('an API that looks alike', 200, {
    status: 'success',
    data: [],
    details: {},
    pagination: { page: 1, totalResult: '0' },
  }),
];
