import { holds } from '../support/short-form.js';
import * as proof from './setup-doctor.js';

holds('setup-doctor', proof);
