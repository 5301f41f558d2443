import type { INestApplicationContext, NestApplicationOptions, Type } from '@nestjs/common';
import type * as nestCore from '@nestjs/core';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from './command.js';

/** An application that cannot be opened. The message says why, for whoever gave the command. */
export class ApplicationError extends Error {}

/** It has another copy of a package than this command, as seen from its file, or this command has none. */
export class CopyError extends ApplicationError {}

type Made = INestApplicationContext & { init(): Promise<unknown> };
type Exports = Readonly<Record<string, unknown>>;
type Core = typeof nestCore;

/** What `@Module()` leaves on a class. */
const MODULE_KEYS = ['imports', 'controllers', 'providers', 'exports'];

/**
 * Opens the application of a compiled file, looks at it, and ends it: `./dist/app.module.js`, or `./dist/app.js#createApp` where it exports
 * several. That is the root module, or a function that makes the application and passes on what it gets:
 * `(options) => NestFactory.create(AppModule, options)`. With `start` it is started as `listen()` would, without listening. Otherwise nothing
 * of it runs, so that no database and no ZITADEL is needed. What it writes meanwhile goes to the error output.
 *
 * @throws UsageError when the path or the name is wrong
 * @throws ApplicationError when the application cannot be made
 */
export async function inApplication<T>(
  given: string,
  { start }: { readonly start: boolean },
  look: (app: INestApplicationContext) => T,
): Promise<Awaited<T>> {
  const { file, name } = placeOf(given);
  const copies = start ? copiesOfThis(file) : undefined;
  if (copies !== undefined) throw new CopyError(copies);
  const restore = divertOutput();
  try {
    const app = await open(file, name, given, start);
    try {
      return await look(app);
    } finally {
      await app.close();
    }
  } finally {
    restore();
  }
}

async function open(
  file: string,
  name: string | undefined,
  given: string,
  start: boolean,
): Promise<Made> {
  try {
    // What is no application of Nest is loaded only where it may start.
    if (!start) await coreFor(file);
    const exported = chosen(await load(file), name, given);
    const app = await make(exported, file, { preview: !start, logger: false, abortOnError: false });
    if (start) await app.init();
    return app;
  } catch (error) {
    if (error instanceof UsageError || error instanceof ApplicationError) throw error;
    const done = start ? 'started' : 'made';
    const text = `the application could not be ${done}: ${textOf(error)}`;
    // Where Nest is there twice, what fails may be due to that alone.
    const nest = copiesOfNest(file);
    throw nest === undefined ? new ApplicationError(text) : new CopyError(`${nest}; ${text}`);
  }
}

/** @throws UsageError */
function placeOf(given: string): { readonly file: string; readonly name: string | undefined } {
  const at = given.lastIndexOf('#');
  const [path, name] = at === -1 ? [given] : [given.slice(0, at), given.slice(at + 1)];
  const file = resolve(path);
  if (/^\.[cm]?tsx?$/.test(extname(file))) {
    throw new UsageError(
      `${path} is TypeScript source: compile the application, and give the file in its output, for example ./dist/app.module.js`,
    );
  }
  if (!existsSync(file) || !statSync(file).isFile()) {
    throw new UsageError(
      `${path} is not a file: give the compiled file of the root module, for example ./dist/app.module.js`,
    );
  }
  return { file, name };
}

/** The application's own Nest. Ours must be the same, or its parts are not known here. */
async function coreFor(file: string): Promise<Core> {
  const copies = copiesOfNest(file);
  if (copies !== undefined) throw new CopyError(copies);
  const theirs = pathFrom(file, '@nestjs/core');
  if (theirs !== undefined) return import(pathToFileURL(theirs).href) as Promise<Core>;
  throw new ApplicationError(`${file} finds no @nestjs/core: is it in a project of Nest?`);
}

export async function load(file: string): Promise<Exports> {
  const loaded = (await import(pathToFileURL(file).href)) as Exports;
  // What CommonJS exports is not always seen by name.
  return { ...(Object(loaded['default']) as Exports), ...loaded };
}

/** @throws UsageError */
function chosen(exported: Exports, name: string | undefined, given: string): unknown {
  const all = Object.entries(exported).filter(([, each]) => typeof each === 'function');
  const names = [...new Set(all.map(([each]) => each))].sort().join(', ') || 'nothing of the kind';
  if (name !== undefined) {
    const found = exported[name];
    if (typeof found === 'function') return found;
    throw new UsageError(
      `${given}: there is no module and no function ${name}; exported are: ${names}`,
    );
  }
  const functions = [...new Set(all.map(([, each]) => each))];
  const modules = functions.filter(isModule);
  const [first, ...more] =
    modules.length > 0 ? modules : functions.filter((each) => !isClass(each));
  if (first !== undefined && more.length === 0) return first;
  const why = first === undefined ? 'exports no module and no function' : 'exports several';
  throw new UsageError(
    `${given} ${why}: name the root module, or a function that makes the application, as in ./dist/app.module.js#AppModule; exported are: ${names}`,
  );
}

const isClass = (value: unknown): boolean =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));

const isModule = (value: unknown): boolean =>
  isClass(value) &&
  // Nest brings it, and an application on Express may have no Nest.
  typeof Reflect.hasMetadata === 'function' &&
  MODULE_KEYS.some((key) => Reflect.hasMetadata(key, value as Type));

async function make(
  exported: unknown,
  file: string,
  options: NestApplicationOptions,
): Promise<Made> {
  const made: unknown = isClass(exported)
    ? exported
    : await (exported as (options: NestApplicationOptions) => unknown)(options);
  const isMade = isApplication(made);
  const isDynamic = typeof Object(made).module === 'function';
  if (!isMade && !isDynamic && !isClass(made)) {
    throw new ApplicationError(
      options.preview
        ? 'the function returns no application and no module: return what NestFactory.create() gives'
        : 'the function returns no application and no module of Nest, and calls no createZitadel() of this copy of nestjs-zitadel; with Nest, return what NestFactory.create() gives',
    );
  }
  const core = await coreFor(file);
  return isMade ? made : create(made as Type, core, file, options);
}

const isApplication = (value: unknown): value is Made =>
  ['get', 'init', 'close'].every((name) => typeof Object(value)[name] === 'function');

/** Nest ends the process where it finds no platform, so this looks first. */
async function create(
  module: Type,
  { NestFactory }: Core,
  file: string,
  options: NestApplicationOptions,
): Promise<Made> {
  const express = pathFrom(file, '@nestjs/platform-express');
  if (express !== undefined) return NestFactory.create(module, options);
  const fastify = pathFrom(file, '@nestjs/platform-fastify');
  if (fastify === undefined) return NestFactory.createApplicationContext(module, options);
  const { FastifyAdapter } = (await import(pathToFileURL(fastify).href)) as {
    readonly FastifyAdapter: new () => never;
  };
  return NestFactory.create(module, new FastifyAdapter(), options);
}

/** What the application writes must not mix with what the command puts out. */
function divertOutput(): () => void {
  const { stdout, stderr } = process;
  const before = Object.getOwnPropertyDescriptor(stdout, 'write');
  stdout.write = stderr.write.bind(stderr);
  return () => {
    if (before) Object.defineProperty(stdout, 'write', before);
    else Reflect.deleteProperty(stdout, 'write');
  };
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [, early] = /^Calling the "(\w+)" in the preview mode/.exec(text) ?? [];
  if (early === undefined) return text;
  return `the function calls ${early}(), and nothing is to be started: let it return the application before that`;
}

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
function copiesOfThis(file: string): string | undefined {
  const theirs = pathFrom(file, 'nestjs-zitadel');
  const ours = pathFrom(import.meta.url, 'nestjs-zitadel');
  if (theirs === undefined || theirs === ours) return undefined;
  return `the application uses another copy of nestjs-zitadel than this command: run npx nestjs-zitadel in the project of the application; npm ls nestjs-zitadel shows the copies (the application uses ${theirs})`;
}
