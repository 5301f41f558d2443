import type { CorpusDoor } from '../door.js';
import { express4Door, express5Door } from './express.js';
import { functionDoor } from './function.js';
import { apolloDoor, mercuriusDoor } from './graphql.js';
import { nestOnExpressDoor, nestOnFastifyDoor } from './nest-http.js';
import { rpcDoor } from './rpc.js';
import { websocketDoor } from './websocket.js';

export const DOORS: readonly CorpusDoor[] = [
  functionDoor,
  express4Door,
  express5Door,
  nestOnExpressDoor,
  nestOnFastifyDoor,
  apolloDoor,
  mercuriusDoor,
  websocketDoor,
  rpcDoor,
];
