import type { SeveralInstances } from './instances-option.js';
import type { ZitadelOptions } from './options.js';

/** The options that a module or `createZitadel()` was given, before anything is made of them. */
export interface GivenOptions {
  readonly door: 'nest' | 'express';
  /** Of the module with a name. */
  readonly name: string | undefined;
  /** Without those that are about the whole application. */
  readonly options: ZitadelOptions | SeveralInstances;
  readonly hasSharedCache: boolean;
}

type Listener = (given: GivenOptions) => void;

let listener: Listener | undefined;

/** Lets a command hear of the options of an application that it opens. What the listener throws, keeps the application from starting. */
export function hearOptions(hear: Listener | undefined): void {
  listener = hear;
}

export function tellOptions(given: GivenOptions): void {
  listener?.(given);
}
