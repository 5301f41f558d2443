import { Controller, Get, type ModuleMetadata, type Provider, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { Express } from 'express';
import { onTestFinished } from 'vitest';
import {
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type ZitadelModuleOptions,
} from '../../lib/index.js';
import type { ZitadelEmulator } from '../../lib/testing/index.js';
import {
  startExpress,
  startNest,
  type Platform,
  type Prepare,
  type Running,
  type RunningNest,
} from './start.js';

/** The guard of ours on every route. */
export const GLOBAL: Provider = { provide: APP_GUARD, useExisting: ZitadelManagerGuard };

/** A controller whose one route, `/guarded`, asks for the owner of organization A. */
export function guardedController(people: { readonly orgA: string }): Type {
  @Controller('guarded')
  class GuardedController {
    @Get()
    @RequireRole('ORG_OWNER', people.orgA)
    read() {
      return {};
    }
  }
  return GuardedController;
}

/** What a test puts beside our module. */
export interface Application extends ModuleMetadata {
  readonly options?: Partial<ZitadelModuleOptions>;
  readonly platform?: Platform;
  readonly prepare?: Prepare | undefined;
}

/** A Nest application with our module, until the test ends. The guard is global unless `providers` says otherwise. */
export async function boot(
  { zitadel }: { readonly zitadel: ZitadelEmulator },
  given: Application,
): Promise<RunningNest> {
  const { options, platform = 'express', prepare, imports = [], ...metadata } = given;
  const ours = ZitadelModule.forRoot({ ...zitadel.options(), ...options });
  return bootWith({ ...metadata, imports: [ours, ...imports] }, platform, prepare);
}

/** The same where the test brings our module itself. */
export async function bootWith(
  root: ModuleMetadata,
  platform: Platform = 'express',
  prepare?: Prepare,
): Promise<RunningNest> {
  return untilTheEnd(await startNest(platform, { providers: [GLOBAL], ...root }, prepare));
}

/** An Express application, until the test ends. */
export async function serve(build: (app: Express) => void): Promise<string> {
  return untilTheEnd(await startExpress(build)).url;
}

/** Closes a server when the test ends. */
export function untilTheEnd<T extends Running>(started: T): T {
  onTestFinished(() => started.close());
  return started;
}
