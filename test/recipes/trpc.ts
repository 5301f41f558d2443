import {
  type Caller,
  denialAnswer,
  org,
  type RequestLike,
  type Requirement,
  role,
  type ZitadelAuthorizer,
} from 'nestjs-zitadel';

/** What tRPC hands a middleware, as far as it is needed here. */
interface Call<C> {
  readonly ctx: C;
  getRawInput(): Promise<unknown>;
  next(changed: { readonly ctx: C & { readonly caller: Caller } }): Promise<unknown>;
}

const CODES: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  503: 'SERVICE_UNAVAILABLE',
};

/** In place of `TRPCError`. */
export class RefusedError extends Error {
  constructor(
    readonly code: string,
    readonly errorCode: string,
    message: string,
  ) {
    super(message);
  }
}

/** A middleware: `t.procedure.use(requiring(zitadel, ownerOfOrg))`. */
export function requiring(zitadel: ZitadelAuthorizer, requirement: Requirement) {
  return async <C extends Pick<RequestLike, 'headers'>>({ ctx, getRawInput, next }: Call<C>) => {
    const request = { headers: ctx.headers, args: await getRawInput() };
    const decision = await zitadel.authorize(request, requirement);
    if (decision.allowed) return next({ ctx: { ...ctx, caller: decision.caller } });
    const { status, body } = denialAnswer(decision);
    const code = CODES[status] ?? 'INTERNAL_SERVER_ERROR';
    throw new RefusedError(code, body.errorCode, body.message);
  };
}

/** The id stands in the input of the procedure. */
export const ownerOfOrg = role('ORG_OWNER', org.arg('orgId'));
