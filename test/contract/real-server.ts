/** Which server a real run is on, and as whom. */
export interface RealServer {
  /** The issuer. */
  readonly origin: string;
  readonly token: string;
  /** The host by which the server reaches this machine. Undefined: nothing is delivered to the suite. */
  readonly webhooksHost?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** How many organizations a run makes. */
export const ORGANIZATIONS = 7;
/** How many service users a run has in the organization of the PAT's owner. */
export const USERS_AT_HOME = 2;

/** Undefined where the environment names none. @throws saying what is wrong with it, and never the token */
export function realServerFrom(environment: Environment): RealServer | undefined {
  const { ZITADEL_URL: url, ZITADEL_PAT: token, ZITADEL_ALLOW_HTTP: allowHttp } = environment;
  if (url === undefined && token === undefined) return undefined;
  if (url === undefined || token === undefined || !URL.canParse(url)) {
    throw new Error(
      'ZITADEL_URL and ZITADEL_PAT go together: the issuer, and a PAT of an IAM_OWNER',
    );
  }
  const { origin, protocol, hostname, href } = new URL(url);
  if (!['http:', 'https:'].includes(protocol) || href !== `${origin}/`) {
    throw new Error('ZITADEL_URL must be the issuer alone: https://, a host, and no more');
  }
  if (protocol === 'http:' && !isLoopback(hostname) && allowHttp !== '1') {
    throw new Error(
      `ZITADEL_URL: over plain http everybody on the way to ${hostname} could read the token of an IAM_OWNER; ` +
        'write https, or set ZITADEL_ALLOW_HTTP=1 if that is all right',
    );
  }
  // Else fetch would complain of the header, and show it.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('ZITADEL_PAT must be the token alone');
  const { ZITADEL_WEBHOOKS_HOST: webhooksHost } = environment;
  if (webhooksHost === undefined) return { origin, token };
  if (/^[\w.-]+$/.test(webhooksHost)) return { origin, token, webhooksHost };
  throw new Error(
    'ZITADEL_WEBHOOKS_HOST must be a host alone, by which the server reaches this one',
  );
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** What a run is going to do on somebody's server. */
export function announcement({ origin, webhooksHost }: RealServer, suffix: string): string {
  const webhooks =
    'Unless somebody listens to its events already, it has them delivered here while it runs, to a target of its own.';
  return [
    `On ${origin} this makes ${String(ORGANIZATIONS)} organizations, with all that the cases need inside them,`,
    `and ${String(USERS_AT_HOME)} service users in the organization of the token's owner; the names of all of them end in -${suffix}.`,
    ...(webhooksHost === undefined ? [] : [webhooks]),
    'Managers of the instance become only users that it made. Impersonation is allowed in the security policy of the instance',
    'while it runs (unless it is anyway), and then no longer. At the end, also after Ctrl-C, everything is removed;',
    'what cannot be removed is named. Nothing else on the server is changed.',
  ].join('\n');
}
