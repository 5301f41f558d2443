import { Controller, Get, Inject } from '@nestjs/common';
import { Public } from 'nestjs-zitadel';
import { AccessMatrix } from '../access-matrix.js';

/** Which role opens which route. It stands in the code of the sample, which everybody can read. Yours may be nobody's business. */
@Controller('api/access')
export class AccessController {
  constructor(@Inject(AccessMatrix) private readonly matrix: AccessMatrix) {}

  @Get()
  @Public()
  read() {
    return this.matrix.read();
  }
}
