// Written by hand, as teams write it: the memberships are read at sign-in and kept in the session.
import express, { type Express, type RequestHandler } from 'express';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Settings } from '../wild.js';
import { sessionOf, sessions } from './sessions.js';

interface Membership {
  readonly roles: readonly string[];
  readonly orgId?: string;
  readonly iam?: boolean;
}

/** Which roles include which. */
const HIGHER: Readonly<Record<string, readonly string[]>> = {
  ORG_OWNER_VIEWER: ['ORG_OWNER', 'IAM_OWNER', 'IAM_OWNER_VIEWER'],
  ORG_OWNER: ['IAM_OWNER'],
};

async function fetchMemberships(issuer: string, token: string): Promise<readonly Membership[]> {
  const response = await fetch(`${issuer}/auth/v1/memberships/me/_search`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: { limit: 100 } }),
  });
  if (!response.ok) throw new Error(`memberships: ${response.status}`);
  const { result = [] } = (await response.json()) as { result?: Membership[] };
  return result;
}

const requireSignIn: RequestHandler = (request, response, next) => {
  if (sessionOf(request)['userId']) next();
  else response.status(401).json({ error: 'not signed in' });
};

function requireOrgRole(...roles: readonly string[]): RequestHandler {
  const enough = new Set(roles.flatMap((role) => [role, ...(HIGHER[role] ?? [])]));
  return (request, response, next) => {
    const { userId, memberships = [] } = sessionOf(request);
    if (!userId) {
      response.status(401).json({ error: 'not signed in' });
      return;
    }
    const isAllowed = (memberships as readonly Membership[]).some(
      (membership) =>
        (membership.iam === true || membership.orgId === request.params['orgId']) &&
        membership.roles.some((role) => enough.has(role)),
    );
    if (isAllowed) next();
    else response.status(403).json({ error: 'missing role' });
  };
}

export function application({ issuer, projectId }: Settings): Express {
  const keys = createRemoteJWKSet(new URL(`${issuer}/oauth/v2/keys`));
  const app = express();
  app.use(express.json(), sessions());

  app.post('/session', async (request, response) => {
    const { accessToken } = request.body as { accessToken: string };
    try {
      const { payload } = await jwtVerify(accessToken, keys, { issuer, audience: projectId });
      const memberships = await fetchMemberships(issuer, accessToken);
      Object.assign(sessionOf(request), { userId: payload.sub, memberships });
      response.sendStatus(204);
    } catch {
      response.status(401).json({ error: 'invalid token' });
    }
  });
  app.get('/me', requireSignIn, (request, response) => {
    response.json({ userId: sessionOf(request)['userId'] });
  });
  app.get(
    '/orgs/:orgId/invoices',
    requireOrgRole('ORG_OWNER', 'ORG_OWNER_VIEWER'),
    (_request, response) => void response.json([]),
  );
  app.delete(
    '/orgs/:orgId/invoices',
    requireOrgRole('ORG_OWNER'),
    (_request, response) => void response.sendStatus(204),
  );
  return app;
}
