import { type GivenOptions, hearOptions } from '../given-options.js';
import type { Access } from '../nest/access.js';
import { ApplicationError, inApplication } from './application.js';
import { UsageError } from './command.js';

/**
 * The options of an application's `ZitadelModule` or `createZitadel()`, also if the library refuses them. With Nest, the providers that stand
 * before it are made, and no module starts: no hook runs, and nothing listens. On Express, what stands before `createZitadel()` is run.
 *
 * @throws UsageError when the path or the name of the export is wrong
 * @throws ApplicationError when the application does not tell its options
 */
export async function optionsOfApplication(
  path: string,
  name: string | undefined,
): Promise<GivenOptions> {
  let known: GivenOptions | undefined;
  hearOptions((given) => {
    if (given.name !== name) return;
    known = given;
    throw new Error('the options are known, and nothing else of the application shall run');
  });
  try {
    await inApplication(path, { start: true }, () => undefined);
  } catch (error) {
    if (!known) throw error;
  } finally {
    hearOptions(undefined);
  }
  if (known) return known;
  const which =
    name === undefined
      ? 'no ZitadelModule, and calls no createZitadel(),'
      : `no ZitadelModule with the name ${name}`;
  throw new ApplicationError(`the application has ${which} of this copy of nestjs-zitadel`);
}

/**
 * What the handlers of an application ask for. Nothing of it runs.
 *
 * @throws UsageError when the path or the name of the export is wrong
 * @throws ApplicationError when the application cannot be made
 */
export function accessOfApplication(path: string): Promise<readonly Access[]> {
  return inApplication(path, { start: false }, async (app) => {
    const { accessOf } = await import('../nest/access.js');
    return accessOf(app);
  });
}

/** What an application asks for at one way in. @throws as {@link accessOfApplication}, and UsageError when there is no such way in */
export async function accessAt(path: string, route: string): Promise<Access> {
  const all = await accessOfApplication(path);
  const { namesOf } = await import('../nest/access.js');
  const wanted = route.trim().replace(/\s+/g, ' ');
  // Nest calls the first.
  const found = all.find((each) => [each.name, ...namesOf(each)].includes(wanted));
  if (found) return found;
  const fitting = all.filter(({ verb, paths = [] }) =>
    paths.some((each) => `${verb} ${each}` === wanted),
  );
  const names = new Set(fitting.flatMap(namesOf).filter((each) => each.startsWith(`${wanted} (`)));
  if (names.size > 1) {
    throw new UsageError(`${wanted} is several: name one of ${[...names].join(', ')}`);
  }
  if (fitting[0]) return fitting[0];
  const place = wanted.slice(wanted.indexOf(' ') + 1);
  const near = all.flatMap(namesOf).filter((name) => name.includes(place));
  const hint = near.length > 0 ? `: there is ${near.slice(0, 5).join(', ')}` : '';
  throw new UsageError(`the application has no ${wanted}${hint}; routes ${path} lists all`);
}
