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
    const { accessOf } = await import('../nest/access.js');
    const wanted = route.trim().replace(/\s+/g, ' ');
    const all = accessOf(app);
    // Nest calls the first.
    const found = all.find((each) => namesOf(each).includes(wanted));
    if (found) return found;
    const path = wanted.slice(wanted.indexOf(' ') + 1);
    const near = all.flatMap(namesOf).filter((name) => name.endsWith(path) || name.includes(path));
    const hint = near.length > 0 ? `: there is ${near.slice(0, 5).join(', ')}` : '';
    throw new UsageError(`the application has no ${wanted}${hint}; routes ${file} lists all`);
  } finally {
    await close();
  }
}

const namesOf = ({ name, verb, paths = [] }: Access): readonly string[] => [
  name,
  ...paths.map((path) => `${verb} ${path}`),
];
