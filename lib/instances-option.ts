import type { ZitadelOptions } from './options.js';

/** What stands once for all instances: what is read of a request before its instance is known, the log, and telemetry. */
export type OptionsOfAll = Pick<
  ZitadelOptions,
  'logger' | 'telemetry' | 'token' | 'requestProperty'
>;

/** What stands in one of several instances. */
export type InstanceOptions = Omit<ZitadelOptions, keyof OptionsOfAll>;

/** What stands in an instance stands nowhere else. */
type NotOfAll = {
  readonly [K in Exclude<keyof InstanceOptions, 'issuer' | 'instances'>]?: never;
} & { readonly issuer?: NoText };

/**
 * Not `never`: by an option that is missing in one of two kinds of options, the compiler tells them apart. Then it would take options that are
 * spread for those of several instances, and could not tell what the parameters of an application's functions are.
 */
interface NoText {
  readonly 'stands in each of instances': never;
}

/** The options of an application whose routes take the tokens of several instances, or of several domains of one. */
export interface SeveralInstances extends OptionsOfAll, NotOfAll {
  /**
   * In place of `issuer`: the instances whose tokens every route takes, each with options of its own. A token's `iss` must equal one of the
   * issuers, and only that instance verifies it and is asked about its caller. A token that is not a JWT is for the one instance whose
   * `callers` take such tokens. Beside `instances` stand only `logger`, `telemetry`, `token` and `requestProperty`, in Nest also what is only
   * in Nest. Everything else stands inside, also `cache`: each instance has its own memory of `cache.maxBytes`.
   *
   * @default none
   * @throws ZitadelOptionsError when an option stands in the wrong one of the two places, or an issuer stands there twice
   */
  readonly instances: readonly InstanceOptions[];
}
