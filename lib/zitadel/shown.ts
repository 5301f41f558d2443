// Names from tokens and documents as the log may show them. Anybody can put anything there, also a secret, so only what looks right is shown.

const ORIGIN = /^https?:\/\/[a-z0-9.-]{1,100}(?::\d{1,5})?(?=\/|$)/i;
/** A project, or a client with the name of its project. */
const ID = /^\d{1,30}(?:@[a-z0-9_-]{1,40})?$/i;
const AT_MOST = 4;

/** An issuer: its scheme, host and port. */
export function shownIssuer(issuer: unknown): string {
  if (typeof issuer !== 'string') return issuer === undefined ? 'none' : 'no text';
  const [origin] = ORIGIN.exec(issuer) ?? [];
  if (origin === undefined) return `${issuer.length} characters that are not an origin`;
  if (origin === issuer) return origin;
  return `${origin}/${issuer === `${origin}/` ? '' : '...'}`;
}

/** Whom a token is for: ids of projects and clients. */
export function shownAudience(audience: readonly unknown[]): string {
  const names = audience.slice(0, AT_MOST).map((each) => {
    if (typeof each !== 'string') return 'no text';
    return ID.test(each) ? each : `${each.length} characters that are not an id`;
  });
  const more = audience.length - names.length;
  return [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ') || 'nobody';
}
