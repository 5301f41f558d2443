import { holds } from '../support/short-form.js';
import * as proof from './captures.js';

holds('captures', proof);
