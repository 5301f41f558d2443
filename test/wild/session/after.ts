import express, { type Express } from 'express';
import {
  callerOf,
  createZitadel,
  org,
  requireAuthenticated,
  requireRole,
} from 'nestjs-zitadel/express';
import type { Settings } from '../wild.js';
import { sessionOf, sessions } from './sessions.js';

export function application({ options }: Settings): Express {
  const zitadel = createZitadel({
    ...options,
    token: (request) => sessionOf(request).accessToken,
  });
  const app = express();
  app.use(express.json(), sessions());

  app.post(
    '/session',
    (request, _response, next) => {
      const { accessToken } = request.body as { accessToken: string };
      Object.assign(sessionOf(request), { accessToken });
      next();
    },
    requireAuthenticated(zitadel),
    (_request, response) => void response.sendStatus(204),
  );
  app.get('/me', requireAuthenticated(zitadel), (request, response) => {
    response.json({ userId: callerOf(request).userId });
  });
  app.get(
    '/orgs/:orgId/invoices',
    requireRole(zitadel, ['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.param('orgId')),
    (_request, response) => void response.json([]),
  );
  app.delete(
    '/orgs/:orgId/invoices',
    requireRole(zitadel, 'ORG_OWNER', org.param('orgId')),
    (_request, response) => void response.sendStatus(204),
  );
  return app;
}
