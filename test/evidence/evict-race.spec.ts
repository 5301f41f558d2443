import { holds } from '../support/short-form.js';
import * as proof from './evict-race.js';

holds('evict-race', proof);
