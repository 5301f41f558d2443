// Written by hand, as teams write it: a guard with optional callers, and one that asks ZITADEL for permissions on each request.
import {
  BadRequestException,
  type CanActivate,
  Controller,
  createParamDecorator,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Injectable,
  type ModuleMetadata,
  Param,
  Post,
  SetMetadata,
  UnauthorizedException,
} from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import type { Settings } from '../wild.js';

const IS_OPTIONAL = 'isOptional';
const PERMISSIONS = 'permissions';

const OptionalAuth = () => SetMetadata(IS_OPTIONAL, true);
const Permissions = (...permissions: readonly string[]) => SetMetadata(PERMISSIONS, permissions);

interface RequestWithUser extends Request {
  user?: JWTPayload;
  token?: string;
}

const CurrentUser = createParamDecorator(
  (_: unknown, context: ExecutionContext) =>
    context.switchToHttp().getRequest<RequestWithUser>().user,
);

@Injectable()
class ZitadelService {
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;

  constructor(private readonly settings: Settings) {
    this.#keys = createRemoteJWKSet(new URL(`${settings.issuer}/oauth/v2/keys`));
  }

  async verify(token: string): Promise<JWTPayload> {
    const { issuer, projectId: audience } = this.settings;
    const { payload } = await jwtVerify(token, this.#keys, { issuer, audience });
    return payload;
  }

  async permissions(token: string, orgId: string): Promise<readonly string[]> {
    const response = await fetch(`${this.settings.issuer}/auth/v1/permissions/zitadel/me/_search`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'x-zitadel-orgid': orgId,
      },
      body: '{}',
    });
    if (!response.ok) return [];
    const { result = [] } = (await response.json()) as { result?: string[] };
    return result;
  }
}

@Injectable()
class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly zitadel: ZitadelService,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const isOptional = this.reflector.getAllAndOverride<boolean>(IS_OPTIONAL, [
      context.getHandler(),
      context.getClass(),
    ]);
    const request = context.switchToHttp().getRequest<RequestWithUser>();
    const { authorization } = request.headers;
    if (authorization === undefined && isOptional) return true;
    const [scheme, token] = authorization?.split(' ') ?? [];
    if (scheme !== 'Bearer' || !token) throw new UnauthorizedException('No bearer token');
    try {
      request.user = await this.zitadel.verify(token);
      request.token = token;
    } catch {
      throw new UnauthorizedException('Invalid token');
    }
    return true;
  }
}

@Injectable()
class PermissionsGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly zitadel: ZitadelService,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const required = this.reflector.getAllAndOverride<string[]>(PERMISSIONS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (!required?.length) return true;
    const { token, params } = context.switchToHttp().getRequest<RequestWithUser>();
    const orgId = String(params['orgId']);
    if (!/^\d+$/.test(orgId)) throw new BadRequestException('Malformed id');
    const held = await this.zitadel.permissions(token ?? '', orgId);
    if (!required.every((permission) => held.includes(permission))) {
      throw new ForbiddenException('Missing permission');
    }
    return true;
  }
}

@Controller()
class ProjectsController {
  @Get('showcase')
  @OptionalAuth()
  showcase(@CurrentUser() user?: JWTPayload) {
    return { visitor: user?.sub ?? null };
  }

  @Get('orgs/:orgId/projects')
  @Permissions('project.read')
  list(@Param('orgId') orgId: string) {
    return { orgId };
  }

  @Post('orgs/:orgId/projects')
  @Permissions('project.create')
  create(@Param('orgId') orgId: string) {
    return { orgId };
  }
}

export function application(settings: Settings): ModuleMetadata {
  return {
    controllers: [ProjectsController],
    providers: [
      { provide: ZitadelService, useValue: new ZitadelService(settings) },
      { provide: APP_GUARD, useClass: AuthGuard },
      { provide: APP_GUARD, useClass: PermissionsGuard },
    ],
  };
}
