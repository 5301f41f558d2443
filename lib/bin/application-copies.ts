import { createRequire } from 'node:module';

/** Where a file finds a package. Undefined: it finds none. */
export function pathFrom(file: string | URL, name: string): string | undefined {
  try {
    return createRequire(file).resolve(name);
  } catch {
    return undefined;
  }
}

/** What two copies of Nest lead to: one does not know the parts of the other. Undefined: there is one. */
export function copiesOfNest(file: string): string | undefined {
  const theirs = otherCopy(file, '@nestjs/core');
  if (theirs === undefined) return undefined;
  return `this nestjs-zitadel and the application use two copies of @nestjs/core: install nestjs-zitadel in the project of the application, and run it there; npm ls @nestjs/core shows the copies (the application uses ${theirs})`;
}

/** Another copy tells its options to nobody here, so an application that has one would start and not end. */
export function copiesOfThis(file: string): string | undefined {
  const theirs = otherCopy(file, 'nestjs-zitadel');
  if (theirs === undefined) return undefined;
  return `the application uses another copy of nestjs-zitadel than this command: run npx nestjs-zitadel in the project of the application; npm ls nestjs-zitadel shows the copies (the application uses ${theirs})`;
}

function otherCopy(file: string, name: string): string | undefined {
  const theirs = pathFrom(file, name);
  return theirs === pathFrom(import.meta.url, name) ? undefined : theirs;
}
