/** What is touched of an OpenAPI document. That of @nestjs/swagger fits. */
export interface Api {
  components?: { securitySchemes?: Record<string, object> };
  security?: Record<string, string[]>[];
  paths: Record<string, object>;
}

interface Operation {
  readonly security?: unknown;
  readonly responses?: Record<string, object>;
}

const REFUSALS = {
  401: 'No valid token.',
  403: 'The caller may not do this.',
  503: 'ZITADEL cannot be asked right now. Try again after Retry-After.',
};

/** Adds the sign-in to the document, and to each route what the guard may answer. */
export function withSignIn<T extends Api>(
  document: T,
  given: { readonly issuer: string; readonly projectId: string },
): T {
  const scopes = {
    openid: 'who you are',
    'urn:zitadel:iam:org:project:id:zitadel:aud': 'lets the API read your manager roles',
    [`urn:zitadel:iam:org:project:id:${given.projectId}:aud`]: 'a token for this API',
  };
  const zitadel = {
    type: 'oauth2',
    flows: {
      authorizationCode: {
        authorizationUrl: `${given.issuer}/oauth/v2/authorize`,
        tokenUrl: `${given.issuer}/oauth/v2/token`,
        scopes,
      },
    },
  };
  document.components = {
    ...document.components,
    securitySchemes: { ...document.components?.securitySchemes, zitadel },
  };
  document.security = [{ zitadel: Object.keys(scopes) }];
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path) as Operation[]) {
      for (const [status, description] of Object.entries(REFUSALS)) {
        if (operation.responses) operation.responses[status] ??= { description };
      }
    }
  }
  return document;
}
