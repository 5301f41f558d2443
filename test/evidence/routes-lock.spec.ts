import { holds } from '../support/short-form.js';
import * as proof from './routes-lock.js';

holds('routes-lock', proof);
