import type { IncomingHttpHeaders } from 'node:http';

/**
 * Which instance a request means and under which address it reached it. ZITADEL looks at
 * `x-zitadel-instance-host`, `x-forwarded-host`, `forwarded` and `host`, in this order, without the port,
 * and takes the address it shows itself under from `x-zitadel-public-host` where that is given.
 */
export type Origin =
  | { readonly known: true; readonly issuer: string }
  | { readonly known: false; readonly message: string };

export function originOf(headers: IncomingHttpHeaders, ownIssuer: string): Origin {
  const own = new URL(ownIssuer);
  const instanceHost =
    first(headers['x-zitadel-instance-host']) ??
    first(headers['x-forwarded-host']) ??
    /host="?([^";,\s]+)/i.exec(first(headers['forwarded']) ?? '')?.[1] ??
    first(headers.host) ??
    '';
  const publicHost = first(headers['x-zitadel-public-host']);
  const protocol = own.protocol.replace(':', '');
  const known =
    hostnameOf(instanceHost) === own.hostname &&
    (publicHost === undefined || hostnameOf(publicHost) === own.hostname);
  if (known) return { known, issuer: `${protocol}://${publicHost ?? instanceHost}` };
  const seen = `&{${instanceHost} ${publicHost ?? ''} ${protocol}}`;
  const message =
    `unable to set instance using origin ${seen} (ExternalDomain is ${own.hostname}): ` +
    'ID=QUERY-1kIjX Message=Instance not found. Make sure you got the domain right. ' +
    'Check out https://zitadel.com/docs/apis/introduction#domains';
  return { known, message };
}

function first(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value?.split(',')[0];
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}

/** Nothing for what is more than a host and a port: it would end up in the issuer. */
function hostnameOf(host: string): string | undefined {
  return /^([\w.-]+|\[[\da-f:]+\])(:\d+)?$/i.exec(host)?.[1]?.toLowerCase();
}
