import { holds } from '../support/short-form.js';
import * as proof from './redirects.js';

holds('redirects', proof);
