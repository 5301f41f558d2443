import type { Zitadel } from '../create-zitadel.js';
import { allowsImpersonation } from './declarations.js';
import type { Handler } from './handlers.js';

/** Handlers on which `@AllowImpersonation` stands and says nothing, or says what holds everywhere. */
export function uselessImpersonation(
  handlers: readonly Handler[],
  zitadelOf: (handler: Handler) => Zitadel,
): readonly string[] {
  return handlers.filter(allowsImpersonation).flatMap((handler) => {
    const { allowImpersonation } = zitadelOf(handler);
    if (allowImpersonation === 'perRoute') return [];
    const { type, method } = handler;
    return [
      `${type.name}.${method}: @AllowImpersonation() stands here, and the option allowImpersonation is ${allowImpersonation}: set it to 'perRoute', or take the decorator away`,
    ];
  });
}
