import type { ZitadelOptions } from '../options.js';
import { allowsImpersonation } from './declarations.js';
import type { Handler } from './handlers.js';

/** Handlers on which `@AllowImpersonation` stands and says nothing, or says what holds everywhere. */
export function uselessImpersonation(
  handlers: readonly Handler[],
  option: ZitadelOptions['allowImpersonation'],
): readonly string[] {
  if (option === 'perRoute') return [];
  return handlers
    .filter(allowsImpersonation)
    .map(
      ({ type, method }) =>
        `${type.name}.${method}: @AllowImpersonation() stands here, and the option allowImpersonation is ${option ?? false}: set it to 'perRoute', or take the decorator away`,
    );
}
