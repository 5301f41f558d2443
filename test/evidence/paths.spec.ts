import { holds } from '../support/short-form.js';
import * as proof from './paths.js';

holds('paths', proof);
