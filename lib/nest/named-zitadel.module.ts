import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { type ModuleRef, ModulesContainer } from '@nestjs/core';
import { ZitadelRequirementError } from '../core/errors.js';
import type { Zitadel } from '../create-zitadel.js';
import { type Rule, zitadelOf } from './declarations.js';
import { RouteRules } from './route-rules.js';
import { getZitadelToken, ZITADEL } from './zitadel.module-definition.js';

/** Another ZITADEL beside the one without a name, whose guard and boot check are there for the routes of both. */
@Module({})
export class NamedZitadelModule implements OnModuleInit {
  constructor(@Inject(ModulesContainer) private readonly modules: ModulesContainer) {}

  /** @throws ZitadelRequirementError where nothing would check the routes */
  onModuleInit(): void {
    if ([...this.modules.values()].some(isUnnamed)) return;
    throw new ZitadelRequirementError(
      'the application is not safe to start: every ZitadelModule has a name, and the one without a name brings the guard: write ZitadelModule.forRoot() without a name for one of them',
    );
  }
}

/** The ZITADEL that a route asks. @throws ZitadelRequirementError if it names one that no module brings */
export function zitadelFor(rule: Rule, unnamed: Zitadel, moduleRef: ModuleRef): Zitadel {
  const name = zitadelOf(rule);
  if (name === undefined) return unnamed;
  try {
    return moduleRef.get<Zitadel>(getZitadelToken(name), { strict: false });
  } catch {
    throw new ZitadelRequirementError(
      `asks the ZITADEL '${name}', which is not registered: write ZitadelModule.forRoot({ name: '${name}', issuer, audience, ... }) into the imports, or correct the name`,
    );
  }
}

/** What is registered more than once, so that nobody could tell which one counts. */
export function problemsOfNames(modules: ModulesContainer): readonly string[] {
  const tokens = [...modules.values()].flatMap((each) => {
    const isNamed = each.metatype === NamedZitadelModule;
    return isNamed || isUnnamed(each) ? [...each.providers.keys()].filter(isToken) : [];
  });
  const twice = new Set(tokens.filter((token, place) => tokens.indexOf(token) !== place));
  return [...twice].map((token) => {
    const times = tokens.filter((each) => each === token).length;
    const name = token.slice(ZITADEL.length + 1);
    return name === ''
      ? `ZitadelModule is registered ${times} times, and each has settings and a memory of its own: write ZitadelModule.forRoot() once, into the root module, or give another instance a name`
      : `ZitadelModule is registered ${times} times with the name '${name}': write ZitadelModule.forRoot({ name: '${name}', ... }) once, into the root module`;
  });
}

/** Whether it is the module without a name. Another copy of the package has one of its own. */
const isUnnamed = ({ providers }: { readonly providers: ReadonlyMap<unknown, unknown> }) =>
  providers.has(RouteRules);

const isToken = (token: unknown): token is string =>
  typeof token === 'string' && (token === ZITADEL || token.startsWith(`${ZITADEL}:`));
