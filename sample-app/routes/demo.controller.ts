import {
  Body,
  ConflictException,
  Controller,
  Delete,
  HttpCode,
  Inject,
  NotFoundException,
  Post,
} from '@nestjs/common';
import {
  Authenticated,
  CurrentCaller,
  MembershipLists,
  Public,
  ZitadelAuthorizer,
  type Caller,
} from 'nestjs-zitadel';
import { DecisionLog } from '../decision-log.js';
import type { Demo } from '../demo.js';
import { INSTANCE, type Instance } from '../instance.js';

/** Only with the emulator: makes ZITADEL fail, and takes roles away from people who ask for it. */
@Controller('api/demo')
export class DemoController {
  readonly #demo: Demo;

  constructor(
    @Inject(INSTANCE) { demo }: Instance,
    @Inject(ZitadelAuthorizer) private readonly zitadel: ZitadelAuthorizer,
    @Inject(MembershipLists) private readonly lists: MembershipLists,
    @Inject(DecisionLog) private readonly log: DecisionLog,
  ) {
    if (!demo) throw new Error('the demo routes need the emulator');
    this.#demo = demo;
  }

  @Post('outage')
  @HttpCode(200)
  @Authenticated()
  async startOutage() {
    this.#demo.startOutage();
    // What is remembered would hide the outage for as long as it counts.
    await this.zitadel.evictAll();
    return { message: 'ZITADEL answers 503 now, for a minute at most.' };
  }

  // While ZITADEL tells no memberships nobody can be let in, so the way out has to be open.
  @Delete('outage')
  @Public()
  endOutage() {
    this.#demo.endOutage();
    return { message: 'ZITADEL answers again.' };
  }

  @Post('taken-roles')
  @HttpCode(200)
  @Authenticated()
  async takeRole(@CurrentCaller() caller: Caller, @Body() body: unknown) {
    const wanted = Object(body) as Record<string, unknown>;
    const { result } = await this.lists.listMine(caller);
    const row = result.find(({ on }) => on?.kind === wanted['kind'] && on?.id === wanted['id']);
    if (!row) throw new NotFoundException('You hold no role there.');
    this.#demo.takeRole(row);
    return { message: 'ZITADEL has taken the role away.', rememberedMs: this.log.rememberedMs() };
  }

  @Delete('taken-roles')
  @Authenticated()
  giveRolesBack(@CurrentCaller() caller: Caller) {
    if (this.#demo.takenRoles(caller.userId).length === 0) {
      throw new ConflictException('There is nothing to give back.');
    }
    this.#demo.giveRolesBack(caller.userId);
    return { message: 'The roles are back.' };
  }
}
