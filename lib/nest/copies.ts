import { Logger } from '@nestjs/common';

// Counted on the global object, which is all that two copies of the package share. Where they stand is not known: `import.meta` would
// keep Jest from running the package as CommonJS.
const COPIES: unique symbol = Symbol.for('nestjs-zitadel:copies') as never;
const shared = globalThis as { [COPIES]?: number };

/**
 * Counts this copy of the package, and warns if it is not the first of the process. Nest knows a provider by its class, so what one copy
 * provides cannot be injected by the classes of the other, and Nest's own error does not say why.
 */
export function tellOfCopies(): void {
  shared[COPIES] = (shared[COPIES] ?? 0) + 1;
  if (shared[COPIES] === 1) return;
  new Logger('nestjs-zitadel').warn(
    'two copies of nestjs-zitadel are loaded: if Nest cannot resolve ZitadelManagerGuard or a service of the package, it was imported from the other copy; npm ls nestjs-zitadel shows who brings it, and npm dedupe makes it one',
  );
}
