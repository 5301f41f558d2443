import { holds } from '../support/short-form.js';
import * as proof from './messages.js';

holds('messages', proof);
