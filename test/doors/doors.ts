import type { DoorName, OpenDoor } from './door.js';
import { openExpress } from './express-door.js';
import { openNest } from './nest-door.js';

/** The three doors that every case goes through. */
export const DOORS: readonly { readonly name: DoorName; readonly open: OpenDoor }[] = [
  { name: 'Nest on Express', open: openNest('express') },
  { name: 'Nest on Fastify', open: openNest('fastify') },
  { name: 'Express', open: openExpress },
];
