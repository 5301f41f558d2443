import type { HierarchyTable } from './core/requirement/roles.js';
import type { ZitadelLogger } from './core/tell.js';
import type { Callers } from './callers.js';
import type { ApiSetting, SharedSecret, ZitadelOptions } from './options.js';
import type { Fetch } from './zitadel/call.js';
import type { ServiceUserCredential } from './zitadel/credentials.js';

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly issuer: string;
  readonly internalUrl: string | undefined;
  readonly audience: readonly string[];
  readonly callers: Callers;
  readonly memberships: Required<ZitadelOptions>['memberships'];
  readonly inactive: 'asZitadel' | 'deny';
  readonly api: ApiSetting;
  readonly projectId: string | undefined;
  readonly projectRoles: 'token' | 'api';
  readonly serviceUser: ServiceUserCredential | undefined;
  readonly ttlMs: number;
  readonly denialMs: number;
  readonly maxBytes: number;
  readonly shared: { readonly secret: SharedSecret } | undefined;
  readonly redis: ZitadelOptions['redis'];
  readonly events: ZitadelOptions['events'];
  readonly hierarchy: HierarchyTable;
  readonly projectOwner: ZitadelOptions['projectOwner'];
  readonly idPattern: RegExp;
  readonly timeoutMs: number;
  readonly budgetMs: number;
  readonly clockToleranceMs: number;
  readonly fetch: Fetch;
  readonly logger: ZitadelLogger;
  readonly startTelemetry: ZitadelOptions['telemetry'];
  readonly allowImpersonation: boolean | 'perRoute';
  readonly token: ZitadelOptions['token'];
  readonly requestProperty: string | undefined;
}
