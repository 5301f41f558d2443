import type { ArgumentsHost } from '@nestjs/common';
import { own } from '../../core/own-properties.js';
import type { Door } from './door.js';
import { graphql } from './graphql.js';
import { http } from './http.js';
import { rpc } from './rpc.js';
import { ws } from './ws.js';

const DOORS = { http, graphql, ws, rpc } satisfies Record<string, Door>;

/** The door of a context. Undefined if it is of a type that is not known here. */
export function doorOf(host: ArgumentsHost): Door | undefined {
  return own(DOORS, host.getType<string>()) as Door | undefined;
}

/** Loads the packages of the transports by which handlers are reached. */
export async function loadDoors(names: readonly string[]): Promise<void> {
  for (const name of new Set(names)) await (own(DOORS, name) as Door | undefined)?.load?.();
}
