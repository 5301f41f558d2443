import { ZitadelOptionsError } from './core/errors.js';
import { digestOf } from './core/seal.js';
import type { EpochSurroundings } from './core/store/epoch-store.js';
import { SharedStore } from './core/store/shared-store.js';
import type { SharedCache } from './core/store/signed-cache.js';
import type { ResolvedOptions } from './resolved-options.js';
import type { Credential } from './zitadel/credentials.js';

/** What the option `cache.shared` means. */
export function sharedStoreOf(
  { shared, api, issuer, audience, memberships, projectRoles, ttlMs }: ResolvedOptions,
  credential: Credential | undefined,
  cache: SharedCache | undefined,
  surroundings: EpochSurroundings,
): SharedStore | undefined {
  if (!shared) return undefined;
  if (typeof cache?.get !== 'function' || typeof cache.set !== 'function') {
    throw new ZitadelOptionsError(
      'cache.shared',
      'cache.shared: got no CACHE_MANAGER; write CacheModule.register({ isGlobal: true }) into the imports of the application (Express: createZitadel(options, { sharedCache }))',
    );
  }
  // What the stored values depend on besides the user, the token and the organizations: those are in the key.
  const readsAlone = memberships.as === 'caller' && projectRoles === 'token';
  const reader = readsAlone ? '' : readerOf(credential);
  const scope = [api, issuer, memberships.as, reader, ...audience];
  return new SharedStore(cache, shared.secret, scope, ttlMs, surroundings);
}

function readerOf(credential: Credential | undefined): string {
  switch (credential?.type) {
    case 'key':
      return credential.userId;
    case 'secret':
      return credential.clientId;
    case 'pat':
      return digestOf(credential.token);
    case undefined:
      return '';
  }
}
