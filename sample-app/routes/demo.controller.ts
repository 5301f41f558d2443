import {
  Body,
  ConflictException,
  Controller,
  Delete,
  Headers,
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
  type MembershipRow,
} from 'nestjs-zitadel';
import { DecisionLog } from '../decision-log.js';
import type { Demo } from '../demo.js';
import { INSTANCE, type Instance } from '../instance.js';
import { knock, watchDoor } from '../watch.js';

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
    const row = await this.#rowOf(caller, body);
    this.#demo.takeRole(row, false);
    return { message: 'ZITADEL has taken the role away.', rememberedMs: this.log.rememberedMs() };
  }

  /** ZITADEL tells the first instance of the app, which tells the second: both begin to refuse. */
  @Post('watched-roles')
  @HttpCode(200)
  @Authenticated()
  async watchRole(
    @CurrentCaller() caller: Caller,
    @Body() body: unknown,
    @Headers('authorization') authorization: string,
  ) {
    const row = await this.#rowOf(caller, body);
    const { kind, id } = row.on ?? { kind: 'instance', id: '' };
    const query = new URLSearchParams({ kind, id, role: row.roles[0] ?? '' });
    const door = { path: `/api/door?${query.toString()}`, authorization };
    const { instances } = this.#demo;
    // Both remember the role, or there would be nothing to end.
    await Promise.all(instances.map((url) => knock(door, url)));
    const since = performance.now();
    this.#demo.takeRole(row, true);
    const refusedAfterMs = await watchDoor(door, instances, since);
    const message = refusedAfterMs.includes(undefined)
      ? 'The role is gone, and another role of yours still opens the door.'
      : `Both instances refuse: the first after ${String(refusedAfterMs[0])} ms, the second after ${String(refusedAfterMs[1])} ms. ZITADEL told the first that the role is gone, and the first told the second. Else both would have remembered it for up to 30 seconds.`;
    return { message, refusedAfterMs };
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

  async #rowOf(caller: Caller, body: unknown): Promise<MembershipRow> {
    const wanted = Object(body) as Record<string, unknown>;
    const { result } = await this.lists.listMine(caller);
    const row = result.find(({ on }) => on?.kind === wanted['kind'] && on?.id === wanted['id']);
    if (!row) throw new NotFoundException('You hold no role there.');
    return row;
  }
}
