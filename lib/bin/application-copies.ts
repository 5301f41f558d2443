import { createRequire } from 'node:module';

/** Where a file finds a package. Undefined: it finds none. */
export function pathFrom(file: string | URL, name: string): string | undefined {
  try {
    return createRequire(file).resolve(name);
  } catch {
    return undefined;
  }
}

/**
 * What it leads to that `file` finds another Nest than this command, which is at `here`: one copy does not know the parts of the other.
 * Undefined: there is one.
 */
export function copiesOfNest(
  file: string,
  here: string | URL = import.meta.url,
): string | undefined {
  const ours = pathFrom(here, '@nestjs/core');
  const theirs = pathFrom(file, '@nestjs/core');
  if (theirs === undefined || theirs === ours) return undefined;
  const install = 'install nestjs-zitadel in the project of the application, and run it there';
  return ours === undefined
    ? `this nestjs-zitadel finds no @nestjs/core: ${install} (the application uses ${theirs})`
    : `this nestjs-zitadel and the application use two copies of @nestjs/core: ${install}; npm ls @nestjs/core shows the copies (the application uses ${theirs})`;
}

/** Another copy tells its options to nobody here, so an application that has one would start and not end. */
export function copiesOfThis(file: string): string | undefined {
  const theirs = pathFrom(file, 'nestjs-zitadel');
  const ours = pathFrom(import.meta.url, 'nestjs-zitadel');
  if (theirs === undefined || theirs === ours) return undefined;
  return `the application uses another copy of nestjs-zitadel than this command: run npx nestjs-zitadel in the project of the application; npm ls nestjs-zitadel shows the copies (the application uses ${theirs})`;
}
