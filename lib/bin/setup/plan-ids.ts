/** What the application needs to know of what is made. The steps fill it in. */
export interface MadeIds {
  project?: string | undefined;
  application?: string | undefined;
  client?: string | undefined;
  user?: string | undefined;
  signingKey?: string | undefined;
  /** ZITADEL told the signing key only when the target was made. */
  isKeyUntold?: boolean;
}
