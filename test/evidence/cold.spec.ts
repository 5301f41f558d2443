import { holds } from '../support/short-form.js';
import * as proof from './cold.js';

holds('cold', proof);
