import { has } from '../core/own-properties.js';
import { isNotServedError, ZitadelApiError } from './api-error.js';
import type { ApiGeneration, Generation } from './api-generation.js';

type Outcome<T> = { readonly done: T } | { readonly error: unknown };

/** Asks by the generation that is served, where a "no" is thrown. */
export async function askOrThrow<T>(
  generation: ApiGeneration,
  task: (generation: Generation) => Promise<T>,
): Promise<T> {
  const outcome = await generation.ask<Outcome<T>>(async (asked) => {
    try {
      return { served: true, value: { done: await task(asked) } };
    } catch (error) {
      return { served: servedByError(error), value: { error } };
    }
  });
  if (has(outcome, 'error')) throw outcome.error;
  return outcome.done;
}

function servedByError(error: unknown): boolean | undefined {
  if (isNotServedError(error)) return false;
  return error instanceof ZitadelApiError && error.id !== undefined ? true : undefined;
}
