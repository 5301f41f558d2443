import type { INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ZitadelRequirementError } from '../core/errors.js';
import {
  type AnyModuleOptions,
  getZitadelToken,
  MODULE_OPTIONS_TOKEN,
} from './zitadel.module-definition.js';

/** The options of the `ZitadelModule` with this name, or of the one without. @throws ZitadelRequirementError if there is none */
export function givenOptions(
  app: INestApplicationContext,
  name: string | undefined,
): AnyModuleOptions {
  const token = getZitadelToken(name);
  const module = [...app.get(ModulesContainer, { strict: false }).values()].find(
    ({ providers }) => providers.has(token) && providers.has(MODULE_OPTIONS_TOKEN),
  );
  const options: unknown = module?.providers.get(MODULE_OPTIONS_TOKEN)?.instance;
  if (typeof options === 'object' && options !== null) return options as AnyModuleOptions;
  throw new ZitadelRequirementError(
    `there is no ZitadelModule ${name === undefined ? 'without a name' : `with the name '${name}'`} whose options are known`,
  );
}
