import {
  Controller,
  Get,
  Headers,
  HttpException,
  Inject,
  ServiceUnavailableException,
} from '@nestjs/common';
import { Authenticated } from 'nestjs-zitadel';

/** Provide the origin of the other service under this name. */
export const BILLING = 'origin of the billing service';

@Controller('invoices')
@Authenticated()
export class InvoicesController {
  constructor(@Inject(BILLING) private readonly billing: string) {}

  @Get()
  async list(@Headers('authorization') authorization: string): Promise<unknown> {
    const reply = await fetch(`${this.billing}/invoices`, {
      headers: { authorization },
      redirect: 'error',
      signal: AbortSignal.timeout(5_000),
    }).catch(() => undefined);
    if (reply === undefined || reply.status >= 500) throw new ServiceUnavailableException();
    if (!reply.ok) throw new HttpException('The billing service refused.', reply.status);
    return reply.json();
  }
}
