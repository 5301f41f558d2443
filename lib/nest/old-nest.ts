import { createRequire } from 'node:module';
import { Logger } from '@nestjs/common';

/** The oldest Nest that the proof `consumers` boots. */
const OLDEST = [10, 4] as const;

/** Warns where the application runs on a Nest that is older than what this package is tested with. npm cannot: the peers take any version. */
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
