import { holds } from '../support/short-form.js';
import * as proof from './poison.js';

holds('poison', proof);
