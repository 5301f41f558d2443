import { holds } from '../support/short-form.js';
import * as proof from './missing-guard.js';

holds('missing-guard', proof);
