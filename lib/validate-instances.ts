import { waysByForm } from './callers.js';
import { ZitadelOptionsError, ZitadelRequirementError } from './core/errors.js';
import { withoutInheritance } from './core/own-properties.js';
import type { InstanceOptions, OptionsOfAll, SeveralInstances } from './instances-option.js';
import { wrong } from './option-combinations.js';
import type { ZitadelOptions } from './options.js';
import type { ResolvedOptions } from './resolved-options.js';

const BESIDE = ['logger', 'telemetry', 'token', 'requestProperty'] satisfies (keyof OptionsOfAll)[];

const ONE = '{ issuer, audience, ... }';

/** Whether the options are those of several instances. */
export function isSeveral(options: ZitadelOptions | SeveralInstances): options is SeveralInstances {
  return Object.hasOwn(withoutInheritance(Object(options) as object), 'instances');
}

/**
 * Makes something of each instance.
 *
 * @throws ZitadelOptionsError naming the instance by its place, and its option
 */
export function eachInstance<T>(
  given: SeveralInstances,
  ofTheDoor: readonly string[],
  make: (options: InstanceOptions, beside: OptionsOfAll) => T,
): readonly T[] {
  const options = withoutInheritance(given);
  const instances: unknown = options.instances;
  if (!Array.isArray(instances) || instances.length === 0) {
    throw wrong('instances', instances, `a list, at least one: [${ONE}, ${ONE}]`);
  }
  const beside: readonly string[] = [...BESIDE, ...ofTheDoor];
  const inside = Object.keys(options).find(
    (name) => name !== 'instances' && !beside.includes(name),
  );
  if (inside !== undefined) {
    throw new ZitadelOptionsError(
      inside,
      `${inside}: stands beside instances; write it into each of instances: beside them stand only ${beside.join(', ')}`,
    );
  }
  const ofAll = Object.fromEntries(
    BESIDE.filter((name) => Object.hasOwn(options, name)).map((name) => [name, options[name]]),
  ) as OptionsOfAll;
  const issuers = new Set<unknown>();
  return instances.map((each: unknown, place) => {
    const name = `instances[${place}]`;
    if (typeof each !== 'object' || each === null) throw wrong(name, each, ONE);
    const own = withoutInheritance(each as InstanceOptions);
    const outside = beside.find((option) => Object.hasOwn(own, option));
    if (outside !== undefined) {
      throw new ZitadelOptionsError(
        `${name}.${outside}`,
        `${name}.${outside}: stands once for all; write it beside instances`,
      );
    }
    const made = ofInstance(name, () => make(each as InstanceOptions, ofAll));
    if (issuers.has(own.issuer)) {
      throw wrong(`${name}.issuer`, own.issuer, 'another issuer: one of instances has this one');
    }
    issuers.add(own.issuer);
    return made;
  });
}

function ofInstance<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const isOfAll = (option: string) => (BESIDE as readonly string[]).includes(option);
    if (!(error instanceof ZitadelOptionsError) || isOfAll(error.option)) throw error;
    throw new ZitadelOptionsError(`${name}.${error.option}`, `${name}.${error.message}`);
  }
}

/** Whether an instance takes tokens that are not JWTs. */
export function takesOtherTokens({ callers }: ResolvedOptions): boolean {
  const { jwt, other } = waysByForm(callers);
  return other !== undefined || jwt === undefined;
}

/** Stands for a service of one instance where there are several, and says so to whoever calls it. */
export function ofNoInstance<T extends object>(service: { readonly prototype: T }): T {
  const stand = Object.create(service.prototype) as T;
  let each: object = service.prototype;
  for (; each !== Object.prototype; each = Object.getPrototypeOf(each) as object) {
    for (const name of Object.getOwnPropertyNames(each)) {
      if (name !== 'constructor') Object.defineProperty(stand, name, { value: tellOfInstances });
    }
  }
  return stand;
}

function tellOfInstances(): never {
  throw new ZitadelRequirementError(
    'with the option instances, this is asked of one instance: write zitadel.instances.get(issuer), where zitadel is what createZitadel() returned, or in Nest what @Inject(getZitadelToken()) gives',
  );
}
