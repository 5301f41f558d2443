import { isRefusal } from '../core/decision.js';
import { isDone, isTrouble, type Reply } from '../zitadel/reply.js';
import { shownIssuer } from '../zitadel/shown.js';
import { amiss, EFFECT, type Finding, fine, warning } from './finding.js';
import type { Scene } from './scene.js';

const PATH = '/.well-known/openid-configuration';

/** What can be examined further. Credentials go only to an `instance` that is the one that was meant. */
type Reach = 'nothing' | 'server' | 'instance';

/** Whether the instance is reached, and names itself as the option issuer does. */
export async function examineIssuer(
  scene: Scene,
): Promise<{ readonly findings: readonly Finding[]; readonly reach: Reach }> {
  const { http, watch, resolved, discover } = scene;
  const reply = await http({ family: 'discovery', method: 'GET', path: PATH });
  if (!isDone(reply)) {
    return { findings: [notReached(scene, reply)], reach: 'nothing' };
  }
  const firstMs = watch.last.ms;
  const named = reply.body['issuer'];
  if (typeof named !== 'string') return { findings: [notZitadel(scene)], reach: 'nothing' };
  if (named !== resolved.issuer) {
    return { findings: [otherIssuer(scene, named)], reach: 'server' };
  }
  const endpoints = await discover();
  if (isRefusal(endpoints)) {
    const { detail = '', remedy = '' } = endpoints;
    const finding = amiss('issuer.endpoints', {
      what: detail,
      why: 'keys and tokens are fetched only from the origin of the issuer, so that nobody can put others in their place',
      effect: EFFECT.misconfigured,
      remedy,
    });
    return { findings: [finding], reach: 'server' };
  }
  // The first call also connects.
  const ms = Math.round(Math.min(firstMs, watch.last.ms));
  if (ms > resolved.timeoutMs) return { findings: [tooSlow(scene)], reach: 'instance' };
  const what =
    resolved.internalUrl === undefined
      ? `${resolved.issuer} is reached (${ms} ms), and names this issuer`
      : `${resolved.internalUrl} is reached with the two instance headers (${ms} ms), and names the issuer ${resolved.issuer}`;
  return { findings: [fine('issuer.reached', what)], reach: 'instance' };
}

const where = ({ resolved }: Scene): string => resolved.internalUrl ?? resolved.issuer;
const option = ({ resolved }: Scene): string =>
  resolved.internalUrl === undefined ? 'issuer' : 'internalUrl';

const WHY = 'keys, tokens and memberships come from there';

function notReached(scene: Scene, reply: Exclude<Reply, { body: unknown }>): Finding {
  const { last } = scene.watch;
  const { code = '', status = 0, location = '' } = last;
  const at = where(scene);
  const say = (name: string, what: string, remedy: string): Finding =>
    amiss(`issuer.${name}`, { what, why: WHY, effect: EFFECT.unavailable, remedy });
  if (isTrouble(reply) && reply.kind === 'late') return tooSlow(scene);
  if (status >= 300 && status < 400) {
    return say(
      'redirect',
      `${at} replies with a redirect to ${shownIssuer(location)}, which is not followed: it could lead a token anywhere`,
      `write ${option(scene)}: '${shownIssuer(location)}' if that is the instance`,
    );
  }
  if (!isTrouble(reply) && reply.says === 'noInstance') return noInstance(scene);
  if (status >= 500 || status === 429) {
    return say(
      'failing',
      `${at} answers ${status}`,
      'look at the log of ZITADEL, and of the proxy before it: one of them is not in order',
    );
  }
  if (status > 0) return notZitadel(scene);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return say(
      'name',
      `the name of ${at} is not known on this host (${code})`,
      `correct ${option(scene)}, or the DNS of this host`,
    );
  }
  if (/^ERR_SSL|^EPROTO/.test(code)) {
    return say(
      'tls',
      `${at} does not speak https at this port (${code})`,
      `write the port that speaks https into ${option(scene)}, or inside a cluster an internalUrl with http`,
    );
  }
  if (/CERT|SIGNED|SIGNATURE|ISSUER/.test(code)) {
    return say(
      'certificate',
      `the certificate of ${at} is not accepted (${code})`,
      'give Node the authority that signed it, NODE_EXTRA_CA_CERTS=/path/ca.pem, or renew the certificate',
    );
  }
  return say(
    'unreachable',
    `no connection to ${at}${code && ` (${code})`}`,
    `start ZITADEL, or correct ${option(scene)}: host and port must be reached from this host`,
  );
}

function tooSlow({ resolved, watch, deadlineMs }: Scene): Finding {
  const { timeoutMs } = resolved;
  const ms = Math.round(watch.last.ms);
  const isOver = ms >= deadlineMs || watch.last.status === undefined;
  return amiss('issuer.slow', {
    what: isOver
      ? `ZITADEL did not reply within ${deadlineMs} ms`
      : `ZITADEL took ${ms} ms to reply, and timeoutMs is ${timeoutMs}`,
    why: 'a call that takes longer than timeoutMs is broken off',
    effect: EFFECT.unavailable,
    remedy: 'find out what is slow, ZITADEL or the network; until then write a larger timeoutMs',
  });
}

function notZitadel(scene: Scene): Finding {
  const { status = 0 } = scene.watch.last;
  return amiss('issuer.not-zitadel', {
    what: `something other than ZITADEL replies at ${where(scene)} (${status})`,
    why: WHY,
    effect: EFFECT.unavailable,
    remedy: `correct ${option(scene)}, or let the proxy or firewall pass ${PATH} to ZITADEL`,
  });
}

function noInstance(scene: Scene): Finding {
  const { internalUrl, issuer } = scene.resolved;
  return amiss('issuer.no-instance', {
    what: `ZITADEL serves no instance under ${internalUrl === undefined ? issuer : `${issuer}, asked at ${internalUrl}`}`,
    why: 'ZITADEL finds the instance by the host that is asked for',
    effect: EFFECT.misconfigured,
    remedy:
      internalUrl === undefined
        ? 'write the external origin of the instance into issuer (its ExternalDomain), and the address that you reach into internalUrl'
        : 'correct issuer, and let the proxy before ZITADEL pass x-zitadel-instance-host and x-zitadel-public-host',
  });
}

function otherIssuer(scene: Scene, named: string): Finding {
  const { issuer, internalUrl } = scene.resolved;
  const shown = shownIssuer(named);
  const say = (name: string, what: string, remedy: string): Finding =>
    amiss(`issuer.${name}`, {
      what: `${what}: the server names ${shown}, the option issuer is ${issuer}`,
      why: 'a token counts only if its iss equals the option issuer, to the letter',
      effect: EFFECT.misconfigured,
      remedy,
    });
  const [theirs, ours] = [URL.canParse(named) ? new URL(named) : undefined, new URL(issuer)];
  if (!theirs) return say('other', 'another issuer', 'correct issuer: this one is not an origin');
  if (internalUrl !== undefined && theirs.host === new URL(internalUrl).host) {
    return say(
      'headers',
      'the instance headers do not arrive at ZITADEL',
      'let the proxy at internalUrl pass x-zitadel-instance-host and x-zitadel-public-host',
    );
  }
  if (theirs.origin === ours.origin && theirs.pathname !== '/') {
    return say('path', 'a path', 'write the origin of a ZITADEL: its issuer has no path');
  }
  if (theirs.origin === ours.origin && named.endsWith('/')) {
    return say(
      'trailing-slash',
      'a trailing slash',
      'ask a ZITADEL: it writes no slash at the end of its issuer; look at what replies there',
    );
  }
  if (theirs.hostname === ours.hostname && theirs.protocol !== ours.protocol) {
    return say(
      'scheme',
      'another scheme',
      theirs.protocol === 'http:'
        ? `set ExternalSecure: true at ZITADEL if clients come by https; else write issuer: '${shown}'`
        : `write issuer: '${shown}', and the address that you reach into internalUrl`,
    );
  }
  if (theirs.hostname === ours.hostname) {
    return say('port', 'another port', `write issuer: '${shown}', exactly so`);
  }
  return say('other', 'another issuer', `write issuer: '${shown}' if that is the instance`);
}

/** How far ahead our clock may be before ZITADEL refuses what a key of ours signs. */
const ASSERTIONS_MS = 90_000;
const NOTICEABLE_MS = 5_000;

/** How far this host's clock is from ZITADEL's, by the reply that came last. */
export function examineClock({ watch, resolved, credential }: Scene): Finding | undefined {
  const { aheadMs, ms } = watch.last;
  if (aheadMs === undefined) return undefined;
  // The header has whole seconds, and was written at any time while we waited.
  const doubt = 500 + ms / 2;
  const apart = Math.abs(aheadMs);
  const seconds = `${Math.round(apart / 1_000)} s`;
  const why = 'a token says in seconds from when until when it counts';
  const remedy = 'let this host keep its time by NTP, and the host of ZITADEL too';
  if (aheadMs - doubt > resolved.clockToleranceMs) {
    return amiss('clock.behind', {
      what: `the clock of this host is ${seconds} behind ZITADEL's`,
      why,
      effect: `a token that was just issued: 401 token_invalid, for ${seconds}`,
      remedy: `${remedy}; clockToleranceMs allows for a difference`,
    });
  }
  if (-aheadMs - doubt > ASSERTIONS_MS && credential?.type === 'key') {
    return amiss('clock.ahead', {
      what: `the clock of this host is ${seconds} ahead of ZITADEL's`,
      why: 'ZITADEL refuses what the key of the service user signs in its future',
      effect: 'requests that need the service user: 500 misconfigured',
      remedy,
    });
  }
  if (apart - doubt > NOTICEABLE_MS) {
    return warning('clock.apart', {
      what: `the clock of this host is ${seconds} ${aheadMs > 0 ? 'behind' : 'ahead of'} ZITADEL's`,
      why,
      effect: `tokens end up to ${seconds} too early or begin too late`,
      remedy,
    });
  }
  return fine('clock.same', 'the clock of this host agrees with that of ZITADEL');
}
