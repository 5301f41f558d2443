import { ZitadelOptionsError } from '../core/errors.js';
import { within } from '../core/memory/flight.js';
import type { MessageBus } from '../fleet/fleet.js';
import type { RedisClient } from '../fleet/redis-client.js';
import type { InstanceOptions, SeveralInstances } from '../instances-option.js';
import type { ZitadelOptions } from '../options.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { eachInstance, isSeveral } from '../validate-instances.js';
import { examineApis, examineLimits } from './apis.js';
import { examineIntrospection, examineKeys, examineToken } from './callers.js';
import { examineDelivery, examineEvents } from './events.js';
import { type Finding, found, warning } from './finding.js';
import { examineClock, examineIssuer } from './issuer.js';
import { invalidOption, readOptions } from './readable-options.js';
import { examineRedis } from './redis.js';
import { sceneOf } from './scene.js';
import { examineServiceUser } from './service-user.js';

/** What is examined, and how. */
export interface Examination {
  /** Undefined: nobody could tell them. */
  readonly options: ZitadelOptions | SeveralInstances | undefined;
  /** Names of options that a door takes for itself. */
  readonly ofTheDoor?: readonly string[];
  /** A token of a caller. It goes to ZITADEL alone, and only if the issuer is in order. */
  readonly token?: string | undefined;
  /** A token of somebody who may see targets, for what the service user may not see. */
  readonly adminToken?: string | undefined;
  /** In place of the option `redis`. */
  readonly redis?: RedisClient | MessageBus | undefined;
  /** Reads events as the application does. A running one reads them itself. */
  readonly asksForEvents?: boolean;
  /** It receives events in a route of its own, so no option says at which path. */
  readonly receivesByRoute?: boolean;
  /** Where the application receives events: a delivery that ends nothing is sent there. */
  readonly eventsUrl?: string | undefined;
  /** Milliseconds: what one step may take. */
  readonly deadlineMs: number;
  readonly stop: AbortSignal;
  /** Hears what is looked at now. */
  readonly onStep?: (what: string) => void;
}

/** Looks at everything that makes a request fail or stand open, and changes nothing. */
export async function examine(examination: Examination): Promise<readonly Finding[]> {
  const { options, ofTheDoor = [], eventsUrl, stop, onStep } = examination;
  const isOne = options === undefined || !isSeveral(options);
  const { read, findings } = isOne ? readOne(options, ofTheDoor) : readSeveral(options, ofTheDoor);
  const all: Finding[] = [...findings];
  const redis = new Set<unknown>();
  for (const { resolved, findings: ofOptions } of read) {
    const { issuer } = resolved ?? {};
    const named = (each: Finding): Finding =>
      isOne || issuer === undefined ? each : { ...each, instance: issuer };
    all.push(...ofOptions.map(named));
    if (!resolved) continue;
    // A client that several instances share is looked at once.
    const isSeen = redis.has(resolved.redis);
    redis.add(resolved.redis);
    const once = isSeen ? { ...resolved, redis: undefined } : resolved;
    all.push(...(await instance(examination, once)).map(named));
  }
  if (eventsUrl !== undefined && !stop.aborted) {
    onStep?.('a delivery ...');
    const instances = read.flatMap(({ resolved }) => resolved ?? []);
    all.push(await examineDelivery(eventsUrl, instances, examination));
  }
  return all;
}

function readOne(options: ZitadelOptions | undefined, ofTheDoor: readonly string[]) {
  return { read: options ? [readOptions(options, ofTheDoor)] : [], findings: [] };
}

/** The options of each instance, also if they do not fit together. */
function readSeveral(options: SeveralInstances, ofTheDoor: readonly string[]) {
  const read = (each: InstanceOptions) => readOptions(each);
  try {
    return { read: eachInstance(options, ofTheDoor, read), findings: [] };
  } catch (error) {
    if (!(error instanceof ZitadelOptionsError)) throw error;
    const { instances }: { readonly instances?: unknown } = options;
    const each = Array.isArray(instances) ? (instances as readonly InstanceOptions[]) : [];
    return { read: each.map(read), findings: [invalidOption(error)] };
  }
}

interface Looked {
  readonly findings: readonly Finding[];
}

async function instance(
  examination: Examination,
  resolved: ResolvedOptions,
): Promise<readonly Finding[]> {
  const { deadlineMs, stop, onStep } = examination;
  // A call ends before its step does, and says why.
  const scene = sceneOf(resolved, { deadlineMs: Math.ceil(deadlineMs * 0.8), stop });
  const findings: Finding[] = [];
  const step = async <T extends Looked>(name: string, look: () => Promise<T>) => {
    if (stop.aborted) return undefined;
    onStep?.(`${name} ...`);
    const seen = await within(look(), deadlineMs, undefined);
    findings.push(...(seen?.findings ?? [tooLate(name, deadlineMs)]));
    return seen;
  };
  const look = (name: string, of: () => Promise<readonly Finding[] | Finding | undefined>) =>
    step(name, async () => ({ findings: found(...[await of()].flat()) }));

  const { reach = 'nothing' } = (await step('ZITADEL', () => examineIssuer(scene))) ?? {};
  if (reach !== 'nothing') {
    findings.push(...found(examineClock(scene)));
    const { served = [] } = (await step('its APIs', () => examineApis(scene))) ?? {};
    // What sends credentials or tokens goes only to the instance that is meant.
    if (reach === 'instance') {
      const { token, adminToken } = examination;
      await look('its keys', () => examineKeys(scene));
      await look('the API application', () => examineIntrospection(scene));
      const user = await step('the service user', () => examineServiceUser(scene, served));
      if (token !== undefined) await look('the token', () => examineToken(scene, token));
      const asker = user?.token ?? adminToken;
      if (asker !== undefined) {
        await look('its limits', () => examineLimits(scene, served[0] ?? 'v1', asker));
      }
      await look('events', () => examineEvents(scene, adminToken ?? user?.token, examination));
    }
  }
  const redis = examination.redis ?? resolved.redis;
  if (redis) await look('Redis', () => examineRedis(redis, scene.deadlineMs / 2));
  return findings;
}

function tooLate(name: string, ms: number): Finding {
  return warning('doctor.late', {
    what: `looking at ${name} took longer than ${ms} ms, and was given up`,
    why: 'what was not looked at may be wrong',
    effect: 'not known',
    remedy: 'give it more time, with --timeout, or find out what is slow',
  });
}
