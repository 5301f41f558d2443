import { holds } from '../support/short-form.js';
import * as proof from './webhook.js';

holds('webhook', proof);
