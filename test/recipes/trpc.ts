import {
  type Caller,
  denialAnswer,
  org,
  type RequestLike,
  type Requirement,
  role,
  type ZitadelAuthorizer,
} from 'nestjs-zitadel';

const CODES = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  500: 'INTERNAL_SERVER_ERROR',
  503: 'SERVICE_UNAVAILABLE',
} as const;

/** In place of `TRPCError` of @trpc/server. */
export class TRPCError extends Error {
  readonly code: (typeof CODES)[keyof typeof CODES];

  constructor({ code, ...rest }: Pick<TRPCError, 'code' | 'message' | 'cause'>) {
    super(rest.message, rest);
    this.code = code;
  }
}

/** The caller, if the requirement lets the call in. */
export async function callerOfCall(
  zitadel: ZitadelAuthorizer,
  call: RequestLike,
  requirement: Requirement,
): Promise<Caller> {
  const decision = await zitadel.authorize(call, requirement);
  if (decision.allowed) return decision.caller;
  const { status, body } = denialAnswer(decision);
  const code = CODES[status as keyof typeof CODES];
  throw new TRPCError({ code, message: body.message, cause: body });
}

/** The id stands in the input of the procedure. */
export const ownerOfOrg = role('ORG_OWNER', org.arg('orgId'));
