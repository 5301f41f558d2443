import { holds } from '../support/short-form.js';
import * as proof from './tokens.js';

holds('tokens', proof);
