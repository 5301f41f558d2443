import type { NextFunction, Request, Response } from 'express';

/**
 * Nothing inline, nothing from elsewhere: names on the page are written by tenants, and a token is kept by it. The page may talk to the
 * app and, for signing in, to the issuer.
 */
export function securityHeaders(
  issuer: string,
): (request: Request, response: Response, next: NextFunction) => void {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ${issuer}`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
  return (request, response, next) => {
    response.set({
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cache-Control': request.path.startsWith('/api/') ? 'no-store' : 'no-cache',
    });
    next();
  };
}
