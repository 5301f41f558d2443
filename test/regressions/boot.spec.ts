import {
  Controller,
  Get,
  Injectable,
  NotFoundException,
  UseGuards,
  type ModuleMetadata,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  CheckedResource,
  Public,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  org,
  project,
  projectGrant,
} from '../../lib/index.js';
import { Notes } from '../doors/door.js';
import { createPeople, get, type People } from '../nest/people.js';
import { startNest, type Platform, type Running } from '../support/start.js';

let people: People;
const running: Running[] = [];

beforeAll(async () => {
  people = await createPeople();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ close }) => close()));
});
afterAll(() => people.zitadel.stop());

const GLOBAL = { provide: APP_GUARD, useExisting: ZitadelManagerGuard };

async function boot(
  metadata: ModuleMetadata,
  logger = new Notes().logger,
  platform: Platform = 'express',
): Promise<string> {
  const imports = [ZitadelModule.forRoot({ ...people.zitadel.options(), logger })];
  const app = await startNest(platform, { ...metadata, imports });
  running.push(app);
  return app.url;
}

describe('the report at boot', () => {
  it('names a route that no guard of ours checks', async () => {
    const notes = new Notes();
    @Controller('open')
    class OpenController {
      @Get('all')
      all() {
        return {};
      }
      @Get('some')
      @UseGuards(ZitadelManagerGuard)
      @Public()
      some() {
        return {};
      }
    }
    await boot({ controllers: [OpenController] }, notes.logger);
    const report = notes.lines[0]?.text.split('\n') ?? [];
    expect(report).toContain('  GET /open/all  NOT GUARDED by nestjs-zitadel: open');
    expect(report).toContain('  GET /open/some  public');
  });
});

describe('a decorated method of a provider', () => {
  class Jobs {
    @RequireRole('IAM_OWNER')
    run() {
      return {};
    }
  }
  it.each([
    ['that a factory makes', { provide: 'JOBS', useFactory: () => new Jobs() }],
    ['that a factory promises', { provide: 'JOBS', useFactory: () => Promise.resolve(new Jobs()) }],
    ['that is given as a value', { provide: 'JOBS', useValue: new Jobs() }],
  ])('%s refuses to boot', async (_how, provider) => {
    await expect(boot({ providers: [GLOBAL, provider] })).rejects.toThrow(
      /Jobs\.run is decorated and is no HTTP route/,
    );
  });

  it('is no matter where a factory makes nothing, or something plain', async () => {
    const providers = [undefined, null, 1, 'text', {}, Object.create(null) as object].map(
      (made, at) => ({ provide: `PLAIN ${at}`, useFactory: () => made }),
    );
    const booted = boot({ providers: [GLOBAL, ...providers] });
    await expect(booted).resolves.toMatch(/^http/);
  });
});

describe('@CheckedResource("projectGrant")', () => {
  it('refuses to boot where the grant is named by its two ends: no id of it is checked', async () => {
    @Controller(':projectId/:orgId')
    class GrantController {
      @Get()
      @RequireRole(
        'PROJECT_GRANT_OWNER',
        projectGrant({ project: project.param('projectId'), grantedOrg: org.param('orgId') }),
      )
      read(@CheckedResource('projectGrant') grantId: string) {
        return { grantId };
      }
    }
    await expect(boot({ controllers: [GrantController], providers: [GLOBAL] })).rejects.toThrow(
      /@CheckedResource\('projectGrant'\) stands on a route that checks no such projectGrant/,
    );
  });
});

describe.each(['express', 'fastify'] as const)('an exceptionFor that hides, on %s,', (platform) => {
  it('hides the challenge too', async () => {
    @Injectable()
    class HidingGuard extends ZitadelManagerGuard {
      protected override exceptionFor() {
        return new NotFoundException();
      }
    }
    @Controller()
    class HiddenController {
      @Get('hidden')
      @UseGuards(HidingGuard)
      @RequireRole('ORG_OWNER', people.orgA)
      hidden() {
        return {};
      }
      @Get('shown')
      @UseGuards(ZitadelManagerGuard)
      @RequireRole('ORG_OWNER', people.orgA)
      shown() {
        return {};
      }
    }
    const metadata = { controllers: [HiddenController], providers: [HidingGuard] };
    const url = await boot(metadata, undefined, platform);
    for (const token of [undefined, people.tokens.ofB]) {
      const [hidden, shown] = [await get(url, '/hidden', token), await get(url, '/shown', token)];
      expect(hidden.status).toBe(404);
      expect(hidden.headers).not.toHaveProperty('www-authenticate');
      expect(shown.headers['www-authenticate']).toMatch(/^Bearer/);
    }
  });
});
