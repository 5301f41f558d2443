import { BadRequestException } from '@nestjs/common';

/** What the form sends. */
export interface GrantRequest {
  readonly grantedOrgId: string;
  readonly roleKeys: readonly string[];
}

/** What the form sends to grant to many organizations at once. */
export interface ManyGrants extends Pick<GrantRequest, 'roleKeys'> {
  readonly grantedOrgIds: readonly string[];
}

const MOST_ROLES = 50;
const MOST_ORGANIZATIONS = 1_000;

/** Reads the body of a request to grant a project. @throws BadRequestException in words, naming the field */
export function grantRequestFrom(body: unknown): GrantRequest {
  const { grantedOrgId, roleKeys } = Object(body) as Record<string, unknown>;
  if (typeof grantedOrgId !== 'string' || grantedOrgId === '') {
    throw problem('grantedOrgId', 'Say to which organization the project is granted.');
  }
  return { grantedOrgId, roleKeys: roleKeysFrom(roleKeys) };
}

/** Reads the body of a request to grant to many. @throws BadRequestException in words, naming the field */
export function manyGrantsFrom(body: unknown): ManyGrants {
  const { grantedOrgIds, roleKeys } = Object(body) as Record<string, unknown>;
  const ids = wordsFrom(grantedOrgIds, MOST_ORGANIZATIONS);
  if (!ids || ids.length === 0) {
    const message = `Say to which organizations the project is granted, ${MOST_ORGANIZATIONS} of them at most.`;
    throw problem('grantedOrgIds', message);
  }
  return { grantedOrgIds: ids, roleKeys: roleKeysFrom(roleKeys) };
}

function roleKeysFrom(value: unknown): readonly string[] {
  const keys = wordsFrom(value, MOST_ROLES);
  if (!keys) throw problem('roleKeys', `Role keys are words, ${MOST_ROLES} of them at most.`);
  if (keys.length === 0) throw problem('roleKeys', 'Name at least one role of the project.');
  return keys;
}

function wordsFrom(value: unknown, most: number): readonly string[] | undefined {
  const list: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined;
  const isWord = (each: unknown): each is string => typeof each === 'string' && each !== '';
  return list && list.length <= most && list.every(isWord) ? list : undefined;
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
