// What is installed, and makes itself felt in ways that nobody would understand. npm cannot refuse it: the peers take any version.
import { createRequire } from 'node:module';
import { Logger } from '@nestjs/common';

/** The oldest Nest that the proof `consumers` boots. */
const OLDEST = [10, 4] as const;

/** Warns where the application runs on a Nest that is older than what this package is tested with. */
export function tellOfOldNest(version = installedVersion()): void {
  const [major, minor] = (version ?? '').split('.').map(Number);
  if (major === undefined || minor === undefined || Number.isNaN(major + minor)) return;
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  new Logger('nestjs-zitadel').warn(
    `Nest ${version} is older than ${OLDEST.join('.')}, and nestjs-zitadel is not tested with it: a route that looks guarded may not be; update @nestjs/core, @nestjs/common and the packages beside them`,
  );
}

/** As the application's main file finds it. Nest does not tell its version, and `import.meta` would keep Jest from loading this. */
function installedVersion(): string | undefined {
  try {
    const from = createRequire(process.argv[1] ?? '/');
    const { version } = from('@nestjs/core/package.json') as { readonly version?: unknown };
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}

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
