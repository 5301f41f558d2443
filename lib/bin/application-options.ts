import { type GivenOptions, hearOptions } from '../given-options.js';
import { ApplicationError, CopyError, openApplication } from './application.js';

/** Ends the start of the application: its options are known, and nothing else of it shall run. */
class Known extends Error {}

/** Why an application does not tell its options. */
interface NoOptions {
  readonly why: string;
  /** It is a `CopyError`. */
  readonly isCopy?: true;
}

/**
 * The options of an application's `ZitadelModule` or `createZitadel()`, also if the library refuses them. With Nest, the providers that stand
 * before it are made, and no module starts: no hook runs, and nothing listens. On Express, what stands before `createZitadel()` is run.
 *
 * @throws UsageError when the path or the name of the export is wrong
 */
export async function optionsOfApplication(
  path: string,
  name: string | undefined,
): Promise<GivenOptions | NoOptions> {
  let known: GivenOptions | undefined;
  hearOptions((given) => {
    if (given.name !== name) return;
    known = given;
    throw new Known('the options are known');
  });
  try {
    const opened = await openApplication(path, { start: true });
    await opened.close();
  } catch (error) {
    if (known) return known;
    if (error instanceof CopyError) return { why: error.message, isCopy: true };
    if (error instanceof ApplicationError) return { why: error.message };
    throw error;
  } finally {
    hearOptions(undefined);
  }
  const which =
    name === undefined
      ? 'no ZitadelModule, and calls no createZitadel(),'
      : `no ZitadelModule with the name ${name}`;
  return known ?? { why: `the application has ${which} of this copy of nestjs-zitadel` };
}
