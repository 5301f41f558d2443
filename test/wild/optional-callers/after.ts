import { Controller, Get, type ModuleMetadata, Post } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  Authenticated,
  type Caller,
  CheckedResource,
  CurrentCaller,
  org,
  RequirePermission,
  ZitadelManagerGuard,
  ZitadelModule,
} from 'nestjs-zitadel';
import type { Settings } from '../wild.js';

@Controller()
class ProjectsController {
  @Get('showcase')
  @Authenticated({ optional: true })
  showcase(@CurrentCaller() caller?: Caller) {
    return { visitor: caller?.userId ?? null };
  }

  @Get('orgs/:orgId/projects')
  @RequirePermission('project.read', org.param('orgId'))
  list(@CheckedResource('org') orgId: string) {
    return { orgId };
  }

  @Post('orgs/:orgId/projects')
  @RequirePermission('project.create', org.param('orgId'))
  create(@CheckedResource('org') orgId: string) {
    return { orgId };
  }
}

export function application({ options }: Settings): ModuleMetadata {
  return {
    imports: [ZitadelModule.forRoot(options)],
    controllers: [ProjectsController],
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  };
}
