import { Controller, Delete, Get, type ModuleMetadata, Post } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  Authenticated,
  type Caller,
  CurrentCaller,
  Public,
  RequireProjectRole,
  ZitadelManagerGuard,
  ZitadelModule,
} from 'nestjs-zitadel';
import type { Settings } from '../wild.js';

export function application({ options, projectId, orgId }: Settings): ModuleMetadata {
  const Roles = (...roles: [string, ...string[]]) => RequireProjectRole(roles, { org: orgId });

  @Controller('articles')
  class ArticlesController {
    @Get()
    @Public()
    list() {
      return [];
    }

    @Get('mine')
    @Authenticated()
    mine(@CurrentCaller() caller: Caller) {
      return { author: caller.userId };
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

  return {
    imports: [ZitadelModule.forRoot({ ...options, projectId })],
    controllers: [ArticlesController],
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  };
}
