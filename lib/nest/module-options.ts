import { Logger } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { ZitadelRequirementError } from '../core/errors.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { eachInstance, isSeveral } from '../instances-option.js';
import { resolveOptions } from '../validate-options.js';
import {
  type AnyModuleOptions,
  getZitadelToken,
  MODULE_OPTIONS_TOKEN,
  OF_THE_APPLICATION,
} from './zitadel.module-definition.js';

/**
 * The options of the `ZitadelModule` with this name, or of the one without: those of each of its instances.
 *
 * @throws ZitadelRequirementError if there is none
 */
export function optionsOfModule(
  modules: ModulesContainer,
  name: string | undefined,
): readonly ResolvedOptions[] {
  const token = getZitadelToken(name);
  const module = [...modules.values()].find(
    ({ providers }) => providers.has(token) && providers.has(MODULE_OPTIONS_TOKEN),
  );
  const given: unknown = module?.providers.get(MODULE_OPTIONS_TOKEN)?.instance;
  if (typeof given !== 'object' || given === null) {
    throw new ZitadelRequirementError(
      `there is no ZitadelModule ${name === undefined ? 'without a name' : `with the name '${name}'`} whose options are known`,
    );
  }
  const options = given as AnyModuleOptions;
  const logger = new Logger('nestjs-zitadel');
  return isSeveral(options)
    ? eachInstance(options, OF_THE_APPLICATION, (each, ofAll) =>
        resolveOptions(each, { logger, ofAll }),
      )
    : [resolveOptions(options, { logger, ofTheDoor: OF_THE_APPLICATION })];
}
