import { createZitadel as create, type ExpressZitadel } from 'nestjs-zitadel/express';
import type { Authorizer } from '#dist/core/authorizer.js';

/** The library with its data path, which users do not see. */
export type Library = ExpressZitadel & { readonly decisions: Authorizer };

export const createZitadel = (...given: Parameters<typeof create>): Library =>
  create(...given) as Library;
