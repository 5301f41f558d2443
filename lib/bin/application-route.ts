import type { Access } from '../nest/access.js';
import { openApplication } from './application.js';
import { UsageError } from './command.js';

/**
 * What an application asks for at one way in. Nothing of the application runs.
 *
 * @throws UsageError when there is no such way in, or the path of the application is wrong
 * @throws ApplicationError when the application cannot be made
 */
export async function accessAt(file: string, route: string): Promise<Access> {
  const { app, close } = await openApplication(file, { start: false });
  try {
    const { accessOf, namesOf } = await import('../nest/access.js');
    const wanted = route.trim().replace(/\s+/g, ' ');
    const all = accessOf(app);
    // Nest calls the first.
    const found = all.find((each) => [each.name, ...namesOf(each)].includes(wanted));
    if (found) return found;
    const fitting = all.filter(({ verb, paths = [] }) =>
      paths.some((each) => `${verb} ${each}` === wanted),
    );
    const names = new Set(
      fitting.flatMap(namesOf).filter((each) => each.startsWith(`${wanted} (`)),
    );
    if (names.size > 1) {
      throw new UsageError(`${wanted} is several: name one of ${[...names].join(', ')}`);
    }
    if (fitting[0]) return fitting[0];
    const path = wanted.slice(wanted.indexOf(' ') + 1);
    const near = all.flatMap(namesOf).filter((name) => name.endsWith(path) || name.includes(path));
    const hint = near.length > 0 ? `: there is ${near.slice(0, 5).join(', ')}` : '';
    throw new UsageError(`the application has no ${wanted}${hint}; routes ${file} lists all`);
  } finally {
    await close();
  }
}
