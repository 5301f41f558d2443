import type { RequestLike } from '../../core/request.js';
import { httpExceptionFor } from '../http-exception.js';
import type { Door } from './door.js';

/** The request itself stands for the call. */
export const http: Door = {
  requestOf: (host) => host.getArgByIndex<RequestLike & object>(0),
  callOf: (host) => host.getArgByIndex<object>(0),
  exceptionFor: httpExceptionFor,
};
