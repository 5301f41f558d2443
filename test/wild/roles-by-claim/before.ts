// Written by hand, as teams write it: tokens are verified by jose, and a guard looks for roles in the claims.
import {
  type CanActivate,
  Controller,
  createParamDecorator,
  Delete,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Injectable,
  type ModuleMetadata,
  Post,
  SetMetadata,
  UnauthorizedException,
} from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import type { Settings } from '../wild.js';

const IS_PUBLIC = 'isPublic';
const ROLES = 'roles';

const Public = () => SetMetadata(IS_PUBLIC, true);
const Roles = (...roles: readonly string[]) => SetMetadata(ROLES, roles);

interface RequestWithUser extends Request {
  user?: JWTPayload;
}

const CurrentUser = createParamDecorator(
  (_: unknown, context: ExecutionContext) =>
    context.switchToHttp().getRequest<RequestWithUser>().user,
);

@Injectable()
class TokenVerifier {
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;

  constructor(private readonly settings: Settings) {
    this.#keys = createRemoteJWKSet(new URL(`${settings.issuer}/oauth/v2/keys`));
  }

  async verify(token: string): Promise<JWTPayload> {
    const { issuer, projectId: audience } = this.settings;
    const { payload } = await jwtVerify(token, this.#keys, { issuer, audience });
    return payload;
  }

  rolesOf(user: JWTPayload | undefined): readonly string[] {
    const claim = `urn:zitadel:iam:org:project:${this.settings.projectId}:roles`;
    return Object.keys(user?.[claim] ?? {});
  }
}

@Injectable()
class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly verifier: TokenVerifier,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const isPublic = this.reflector.getAllAndOverride<boolean>(IS_PUBLIC, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (isPublic) return true;
    const request = context.switchToHttp().getRequest<RequestWithUser>();
    const [scheme, token] = request.headers.authorization?.split(' ') ?? [];
    if (scheme !== 'Bearer' || !token) throw new UnauthorizedException('No bearer token');
    try {
      request.user = await this.verifier.verify(token);
    } catch {
      throw new UnauthorizedException('Invalid token');
    }
    return true;
  }
}

@Injectable()
class RolesGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly verifier: TokenVerifier,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const required = this.reflector.getAllAndOverride<string[]>(ROLES, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (!required?.length) return true;
    const { user } = context.switchToHttp().getRequest<RequestWithUser>();
    const granted = this.verifier.rolesOf(user);
    if (!required.some((role) => granted.includes(role))) {
      throw new ForbiddenException('Missing role');
    }
    return true;
  }
}

@Controller('articles')
class ArticlesController {
  @Get()
  @Public()
  list() {
    return [];
  }

  @Get('mine')
  mine(@CurrentUser() user: JWTPayload) {
    return { author: user.sub };
  }

  @Post()
  @Roles('editor', 'admin')
  write() {
    return {};
  }

  @Delete()
  @Roles('admin')
  remove() {
    return {};
  }
}

export function application(settings: Settings): ModuleMetadata {
  return {
    controllers: [ArticlesController],
    providers: [
      { provide: TokenVerifier, useValue: new TokenVerifier(settings) },
      { provide: APP_GUARD, useClass: AuthGuard },
      { provide: APP_GUARD, useClass: RolesGuard },
    ],
  };
}
