import {
  BadRequestException,
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
import { RememberedRows, type Row } from '../remembered-rows.js';
import { kindOf } from '../roles-that-count.js';
import { knock, watchDoor } from './door.controller.js';

/** Only with the emulator: makes ZITADEL fail, lets the visitor of the page be anybody, and gives and takes roles. */
@Controller('api/demo')
export class DemoController {
  readonly #demo: Demo;

  constructor(
    @Inject(INSTANCE) { demo }: Instance,
    @Inject(ZitadelAuthorizer) private readonly zitadel: ZitadelAuthorizer,
    @Inject(MembershipLists) private readonly lists: MembershipLists,
    @Inject(DecisionLog) private readonly log: DecisionLog,
    @Inject(RememberedRows) private readonly rows: RememberedRows,
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

  /** The emulator's page for signing in lets anybody pick anybody, too. */
  @Post('tokens')
  @HttpCode(200)
  @Public()
  tokenOf(@Body() body: unknown) {
    const { name } = Object(body) as Record<string, unknown>;
    const token = this.#demo.tokenOf(name);
    if (token === undefined) throw new NotFoundException('There is nobody of that name.');
    return { token };
  }

  @Post('given-roles')
  @HttpCode(200)
  @Authenticated()
  async giveRole(@CurrentCaller() caller: Caller, @Body() body: unknown) {
    const { kind, id, role } = wantedFrom(body);
    const rows = await this.#rowsOf(caller);
    const before = rows.find((row) => row.kind === kind && (row.id === id || kind === 'instance'));
    if (before?.roles.includes(role)) throw new ConflictException('That role is there already.');
    try {
      this.#demo.giveRole(caller.userId, kind, id, role, before?.roles ?? []);
    } catch {
      throw new BadRequestException('ZITADEL does not know such a role, or such a resource.');
    }
    // Whoever changes roles tells the application. Else it would learn it when it asks the next time.
    await this.zitadel.evict(caller.userId);
    return { message: 'The role is given.' };
  }

  @Delete('given-roles')
  @Authenticated()
  async takeBack(@CurrentCaller() caller: Caller) {
    const rows = await this.#rowsOf(caller);
    const holds = (kind: Row['kind'], id: string) =>
      rows.some((row) => row.kind === kind && (row.id === id || kind === 'instance'));
    const count = this.#demo.takeGivenBack(caller.userId, holds);
    if (count === 0) throw new ConflictException('There is nothing to take back.');
    await this.zitadel.evict(caller.userId);
    return { message: 'What was given is taken back.' };
  }

  async #rowOf(caller: Caller, body: unknown): Promise<MembershipRow> {
    const wanted = Object(body) as Record<string, unknown>;
    const { result } = await this.lists.listMine(caller);
    const row = result.find(({ on }) => on?.kind === wanted['kind'] && on?.id === wanted['id']);
    if (!row) throw new NotFoundException('You hold no role there.');
    return row;
  }

  async #rowsOf(caller: Caller): Promise<readonly Row[]> {
    const rows = await this.rows.now(caller);
    if (!rows) throw new ConflictException('ZITADEL does not say which roles are there.');
    return rows;
  }
}

function wantedFrom(body: unknown): { kind: Row['kind']; id: string; role: string } {
  const { id, role } = Object(body) as Record<string, unknown>;
  if (typeof role !== 'string' || typeof id !== 'string') {
    throw new BadRequestException('Say which role, and on what.');
  }
  return { kind: kindOf(role), id, role };
}
