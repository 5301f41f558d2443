import { holds } from '../support/short-form.js';
import * as proof from './isolation.js';

holds('isolation', proof);
