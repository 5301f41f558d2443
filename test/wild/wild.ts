import type { ZitadelOptions } from 'nestjs-zitadel';

/** What both applications of a set-up are told. */
export interface Settings {
  readonly options: ZitadelOptions;
  readonly issuer: string;
  readonly projectId: string;
  /** The organization whose users they serve. */
  readonly orgId: string;
}
