import { holds } from '../support/short-form.js';
import * as proof from './openapi.js';

holds('openapi', proof);
