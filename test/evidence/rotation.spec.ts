import { holds } from '../support/short-form.js';
import * as proof from './rotation.js';

holds('rotation', proof);
