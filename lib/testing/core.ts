import type { AuthRequests } from './auth-requests.js';
import type { Credentials } from './credentials.js';
import type { PageLimits } from './pages.js';
import type { TokenCheck } from './token-check.js';
import type { TokenMint } from './token-mint.js';
import type { World } from './world.js';

/** Everything that a route works with. */
export interface Core {
  readonly world: World;
  readonly mint: TokenMint;
  readonly tokens: TokenCheck;
  readonly credentials: Credentials;
  readonly authRequests: AuthRequests;
  readonly limits: PageLimits;
  /** Whether ListAdministrators has the filters that came in January 2026. */
  readonly newFilters: boolean;
  readonly zitadelProjectId: string;
  /** The issuer by its own account; a request over an internal address may see another. */
  readonly issuer: () => string;
}
