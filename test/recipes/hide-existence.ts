import { type ExecutionContext, Injectable, NotFoundException } from '@nestjs/common';
import type { Request } from 'express';
import { type Denied, type DenyReason, ZitadelManagerGuard } from 'nestjs-zitadel';

const IS_NO: ReadonlySet<DenyReason> = new Set([
  'role_missing',
  'permission_missing',
  'project_role_missing',
]);

@Injectable()
export class HidingGuard extends ZitadelManagerGuard {
  protected override exceptionFor(denied: Denied, context: ExecutionContext) {
    const isHidden = IS_NO.has(denied.reason) && context.getType() === 'http';
    if (!isHidden) return super.exceptionFor(denied, context);
    const { method, originalUrl } = context.switchToHttp().getRequest<Request>();
    // Word for word what Nest says of a path that does not exist.
    return new NotFoundException(`Cannot ${method} ${originalUrl}`);
  }
}
