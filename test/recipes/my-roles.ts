import { Controller, Get } from '@nestjs/common';
import { Authenticated, type Caller, CurrentCaller, ZitadelAuthorizer } from 'nestjs-zitadel';

@Controller('me')
@Authenticated()
export class MeController {
  constructor(private readonly zitadel: ZitadelAuthorizer) {}

  @Get('roles')
  async roles(@CurrentCaller() caller: Caller) {
    return {
      userId: caller.userId,
      mayEdit: await this.zitadel.lookupResources(caller, 'ORG_OWNER'),
      mayRead: await this.zitadel.lookupResources(caller, 'ORG_OWNER_VIEWER'),
    };
  }
}
