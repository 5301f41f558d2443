import { holds } from '../support/short-form.js';
import * as proof from './house.js';

holds('house', proof);
