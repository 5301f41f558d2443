import { ApplicationError, CopyError, openApplication } from './application.js';

/** How many handlers of an application are not public, and which of them Nest runs without the guard. */
interface Guarding {
  readonly handlers: number;
  readonly unguarded: readonly string[];
}

/**
 * Whether the guard stands before the handlers of an application, of which nothing runs. Undefined: it cannot be opened that way.
 *
 * @throws UsageError when the path or the name of the export is wrong
 * @throws CopyError when the application has another copy of Nest
 */
export async function guardingOf(path: string): Promise<Guarding | undefined> {
  const { accessOf } = await import('../nest/access.js');
  try {
    const opened = await openApplication(path, { start: false });
    try {
      const asking = accessOf(opened.app).filter(({ access }) => access !== 'public');
      const open = asking.filter(({ guarded }) => !guarded);
      return { handlers: asking.length, unguarded: open.map(({ name }) => name) };
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (error instanceof CopyError || !(error instanceof ApplicationError)) throw error;
    return undefined;
  }
}
