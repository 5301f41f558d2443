import { type ExecutionContext, Injectable, ServiceUnavailableException } from '@nestjs/common';
import {
  authenticated,
  type Caller,
  denialAnswer,
  org,
  role,
  ZitadelAuthorizer,
} from 'nestjs-zitadel';

/** In place of the class of this name in @nestjs/authentication. */
export class AuthenticationError extends Error {
  constructor(
    message: string,
    readonly options: { readonly code: string; readonly challenge: string | undefined },
  ) {
    super(message);
  }
}

const ANYBODY = authenticated();

/** A credential provider: `registry.registerProvider(this)` in its constructor. */
@Injectable()
export class ZitadelCredentials {
  constructor(private readonly zitadel: ZitadelAuthorizer) {}

  async authenticate(context: ExecutionContext): Promise<{ readonly user: Caller } | null> {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    const decision = await this.zitadel.authorize({ headers }, ANYBODY);
    if (decision.allowed) return { user: decision.caller };
    if (decision.reason === 'token_missing') return null;
    const { status, headers: answer, body } = denialAnswer(decision);
    // An outage of ZITADEL must not look like a bad token.
    if (status >= 500) throw new ServiceUnavailableException(body);
    const challenge = answer['WWW-Authenticate'];
    throw new AuthenticationError(body.message, { code: body.errorCode, challenge });
  }

  challenge(): string {
    return 'Bearer';
  }
}

/** A policy of @nestjs/authorization: `@Policy()` on the class, `@Can(ReportPolicy, 'read', ...)` on a route. */
@Injectable()
export class ReportPolicy {
  constructor(private readonly zitadel: ZitadelAuthorizer) {}

  read(user: Caller, report: { readonly orgId: string }): Promise<boolean> {
    return this.zitadel.can(user, role('ORG_OWNER_VIEWER', org(report.orgId)));
  }
}
