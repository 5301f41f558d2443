import { holds } from '../support/short-form.js';
import * as proof from './undeclared.js';

holds('undeclared', proof);
