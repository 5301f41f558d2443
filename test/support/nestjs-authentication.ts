// Stands in for @nestjs/authentication, which no registry has yet: what its source shows of the decorators and their metadata.
import { applyDecorators, SetMetadata } from '@nestjs/common';

interface AuthenticateOptions {
  readonly optional?: boolean;
  readonly mfa?: boolean;
  readonly verifiedEmail?: boolean;
  readonly providers?: readonly unknown[];
}

const ROUTE = 'authentication:route';
const IS_PUBLIC = Symbol.for('@nestjs/authentication:public');

/** `flagged`: as the newer versions, which say "public" once more. */
export function decoratorsOf(flagged: boolean) {
  const write = (route: object, isPublic: boolean) =>
    applyDecorators(
      SetMetadata(ROUTE, route),
      ...(flagged ? [SetMetadata(IS_PUBLIC, isPublic)] : []),
    );
  return {
    Public: () => write({ public: true }, true),
    Authenticate: (options: AuthenticateOptions = {}) =>
      write({ ...options, public: false }, false),
  };
}
