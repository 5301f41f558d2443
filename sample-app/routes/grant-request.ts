import { BadRequestException } from '@nestjs/common';

/** What the form sends. */
export interface GrantRequest {
  readonly grantedOrgId: string;
  readonly roleKeys: readonly string[];
}

const MOST_ROLES = 50;

/** Reads the body of a request to grant a project. @throws BadRequestException in words, naming the field */
export function grantRequestFrom(body: unknown): GrantRequest {
  const { grantedOrgId, roleKeys } = Object(body) as Record<string, unknown>;
  if (typeof grantedOrgId !== 'string' || grantedOrgId === '') {
    throw problem('grantedOrgId', 'Say to which organization the project is granted.');
  }
  const keys: readonly unknown[] | undefined = Array.isArray(roleKeys) ? roleKeys : undefined;
  if (!keys || keys.length === 0) {
    throw problem('roleKeys', 'Name at least one role of the project.');
  }
  if (keys.length > MOST_ROLES || !keys.every((each) => typeof each === 'string' && each !== '')) {
    throw problem('roleKeys', `Role keys are words, ${MOST_ROLES} of them at most.`);
  }
  return { grantedOrgId, roleKeys: keys as readonly string[] };
}

function problem(field: string, message: string): BadRequestException {
  const errorCode = 'grant_request_invalid';
  return new BadRequestException({
    statusCode: 400,
    error: 'Bad Request',
    message,
    errorCode,
    field,
  });
}
