// The ZitadelModules of an application, by their names.
import { Inject, Logger, Module, type OnModuleInit } from '@nestjs/common';
import { type ModuleRef, ModulesContainer } from '@nestjs/core';
import { ZitadelRequirementError } from '../core/errors.js';
import type { Zitadel } from '../create-zitadel.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { eachInstance, isSeveral } from '../validate-instances.js';
import { resolveOptions } from '../validate-options.js';
import { type Rule, zitadelOf } from './declarations.js';
import { RouteRules } from './route-rules.js';
import {
  type AnyModuleOptions,
  getZitadelToken,
  MODULE_OPTIONS_TOKEN,
  OF_THE_APPLICATION,
  ZITADEL,
} from './zitadel.module-definition.js';

/** Another ZITADEL beside the one without a name, whose guard and boot check are there for the routes of both. */
@Module({})
export class NamedZitadelModule implements OnModuleInit {
  constructor(@Inject(ModulesContainer) private readonly modules: ModulesContainer) {}

  /** @throws ZitadelRequirementError where nothing would check the routes */
  onModuleInit(): void {
    if ([...this.modules.values()].some(({ providers }) => providers.has(RouteRules))) return;
    throw new ZitadelRequirementError(
      'the application is not safe to start: every ZitadelModule has a name, and the one without a name brings the guard: write ZitadelModule.forRoot() without a name for one of them',
    );
  }
}

interface Found {
  /** Undefined: the one without a name. */
  readonly name: string | undefined;
  /** Undefined if a factory makes them, which a preview does not call. */
  readonly options: AnyModuleOptions | undefined;
  /** Another copy of the package has modules of its own. */
  readonly isOfThisCopy: boolean;
}

export function zitadelModulesIn(modules: ModulesContainer): readonly Found[] {
  return [...modules.values()].flatMap(({ metatype, providers }) => {
    const wrapper = providers.get(MODULE_OPTIONS_TOKEN);
    const token = [...providers.keys()].find(isToken);
    if (!wrapper || token === undefined) return [];
    const given: unknown = wrapper.instance;
    const isKnown = typeof given === 'object' && given !== null;
    return {
      name: token === ZITADEL ? undefined : token.slice(ZITADEL.length + 1),
      options: isKnown ? (given as AnyModuleOptions) : undefined,
      isOfThisCopy: metatype === NamedZitadelModule || providers.has(RouteRules),
    };
  });
}

const isToken = (token: unknown): token is string =>
  typeof token === 'string' && (token === ZITADEL || token.startsWith(`${ZITADEL}:`));

/**
 * The options of the `ZitadelModule` with this name, or of the one without: those of each of its instances.
 *
 * @throws ZitadelRequirementError if there is none
 */
export function optionsOfModule(
  modules: ModulesContainer,
  name: string | undefined,
): readonly ResolvedOptions[] {
  const options = zitadelModulesIn(modules).find((each) => each.name === name)?.options;
  if (!options) {
    throw new ZitadelRequirementError(
      `there is no ZitadelModule ${name === undefined ? 'without a name' : `with the name '${name}'`} whose options are known`,
    );
  }
  const logger = new Logger('nestjs-zitadel');
  return isSeveral(options)
    ? eachInstance(options, OF_THE_APPLICATION, (each, ofAll) =>
        resolveOptions(each, { logger, ofAll }),
      )
    : [resolveOptions(options, { logger, ofTheDoor: OF_THE_APPLICATION })];
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
  const ours = zitadelModulesIn(modules).filter(({ isOfThisCopy }) => isOfThisCopy);
  const names = ours.map(({ name }) => name);
  const twice = new Set(names.filter((name, place) => names.indexOf(name) !== place));
  return [...twice].map((name) => {
    const times = names.filter((each) => each === name).length;
    return name === undefined
      ? `ZitadelModule is registered ${times} times, and each has settings and a memory of its own: write ZitadelModule.forRoot() once, into the root module, or give another instance a name`
      : `ZitadelModule is registered ${times} times with the name '${name}': write ZitadelModule.forRoot({ name: '${name}', ... }) once, into the root module`;
  });
}
