import { holds } from '../support/short-form.js';
import * as proof from './cli-emulator.js';

holds('cli-emulator', proof);
