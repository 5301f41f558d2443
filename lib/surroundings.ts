import type { SharedCache } from './core/store/signed-cache.js';
import type { ZitadelLogger } from './core/tell.js';

/** What an application may hand in besides its options. */
export interface ZitadelSurroundings {
  /** The store behind the memory cache, for `cache: { shared }`: Nest's CACHE_MANAGER, or anything with its get and set. */
  readonly sharedCache?: SharedCache | undefined;
  /** Used where the options name no logger. @default the console */
  readonly logger?: ZitadelLogger;
}
