import { holds } from '../support/short-form.js';
import * as proof from './tail.js';

holds('tail', proof);
