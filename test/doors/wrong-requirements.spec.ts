import { Controller, Get, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { createZitadel as join } from '../../lib/create-zitadel.js';
import { createZitadel, requireThat } from '../../lib/express/index.js';
import {
  Require,
  ZitadelManagerGuard,
  ZitadelModule,
  ZitadelRequirementError,
  allOf,
  anyOf,
  role,
  type Requirement,
} from '../../lib/index.js';
import { startNest } from '../support/start.js';
import { useEmulator } from '../support/world.js';

const zitadel = await useEmulator();
const alice = zitadel.addUser('alice');

const EMPTY = { type: 'allOf', of: [] };
const UNKNOWN = { type: 'everybody' };
const right = role('IAM_OWNER');

/** What a JavaScript application, or another copy of the package, may write by hand. */
const WRONG: readonly [string, unknown][] = [
  ['all of nothing', EMPTY],
  ['any of nothing', { type: 'anyOf', of: [] }],
  ['all of nothing in the middle of right ones', { type: 'anyOf', of: [right, EMPTY] }],
  ['all of nothing, deep down', { type: 'allOf', of: [{ type: 'anyOf', of: [right, EMPTY] }] }],
  ['an unknown type', UNKNOWN],
  ['an unknown type beside a right one', { type: 'allOf', of: [right, UNKNOWN] }],
  ['a hole beside a right one', { type: 'allOf', of: [right, undefined] }],
  ['parts that are no list', { type: 'allOf', of: { length: 0 } }],
  ['no parts', { type: 'allOf' }],
  ['a list of no roles', { type: 'role', roles: [], kind: 'instance', fresh: false }],
  ['roles that are no list', { type: 'role', roles: 'IAM_OWNER', kind: 'instance', fresh: false }],
];

describe.each(WRONG)('a requirement written by hand, with %s,', (_what, value) => {
  const wrong = value as Requirement;

  it('is refused where it is decorated with, and inside of right ones', () => {
    expect(() => Require(wrong)).toThrow(ZitadelRequirementError);
    expect(() => allOf(right, wrong)).toThrow(ZitadelRequirementError);
    expect(() => anyOf(right, wrong)).toThrow(ZitadelRequirementError);
  });

  it('is refused where the middleware is made', () => {
    const library = createZitadel(zitadel.options());
    expect(() => requireThat(library, wrong)).toThrow(ZitadelRequirementError);
  });

  it('is refused by everything that a service can ask', async () => {
    const { authorizer, decisions } = join(zitadel.options());
    const caller = { userId: alice.id, claims: {} };
    expect(() => decisions.prepare(wrong)).toThrow(ZitadelRequirementError);
    for (const ask of ['can', 'assert', 'explain'] as const) {
      await expect(authorizer[ask](caller, wrong)).rejects.toThrow(ZitadelRequirementError);
    }
    expect(zitadel.requests()).toBe(0);
  });

  it('refuses to boot where it came past the decorators', async () => {
    @Controller('open')
    class OpenController {
      @Get()
      read() {
        return {};
      }
    }
    // As another copy of the package would leave it, one that looks less closely.
    const declared = [{ type: 'require', requirement: wrong }];
    Reflect.defineMetadata(
      'nestjs-zitadel:declarations',
      declared,
      OpenController.prototype,
      'read',
    );
    await expect(bootWith(OpenController)).rejects.toThrow(Error);
  });
});

async function bootWith(controller: Type): Promise<void> {
  const app = await startNest('express', {
    imports: [ZitadelModule.forRoot(zitadel.options())],
    controllers: [controller],
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  });
  await app.close();
}
