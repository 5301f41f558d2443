import type { Request } from 'express';
import type { IdSource, Requirement } from 'nestjs-zitadel';

/** Where Express has what a source names. */
const PLACES = { param: 'params', query: 'query', body: 'body', header: 'headers' } as const;

/**
 * What a route asks for, with the ids of one request in the place of "the parameter orgId", so that it can be asked about again outside the
 * request. Undefined: an id is missing, or only the guard can read it.
 */
export function boundTo(request: Request, requirement: Requirement): Requirement | undefined {
  let isWhole = true;
  const bound = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(bound);
    if (typeof value !== 'object' || value === null) return value;
    if (Object.hasOwn(value, 'from')) {
      const id = idAt(value as IdSource, request);
      isWhole &&= id !== undefined;
      return { from: 'literal', id };
    }
    const parts = Object.entries(value).map(([name, part]) => [name, bound(part)] as const);
    // The question is about what the guard knew, so ZITADEL is not asked anew.
    return { ...Object.fromEntries(parts), ...(Object.hasOwn(value, 'fresh') && { fresh: false }) };
  };
  const whole = bound(requirement) as Requirement;
  return isWhole ? whole : undefined;
}

function idAt(source: IdSource, request: Request): string | undefined {
  if (source.from === 'literal') return source.id;
  const place = Object.entries(PLACES).find(([from]) => from === source.from)?.[1];
  const values = Object(place && request[place]) as Record<string, unknown>;
  const id = values[source.name];
  return typeof id === 'string' ? id : undefined;
}
