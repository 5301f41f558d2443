import {
  BadRequestException,
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
  Public,
  ZitadelAuthorizer,
  type Caller,
} from 'nestjs-zitadel';
import type { Demo } from '../demo.js';
import { INSTANCE, type Instance } from '../instance.js';
import { RememberedRows, type Row } from '../remembered-rows.js';
import { kindOf } from '../roles-that-count.js';

/** Only with the emulator: the visitor of the page can be anybody, and give anybody a role. */
@Controller('api/demo')
export class PeopleController {
  readonly #demo: Demo;

  constructor(
    @Inject(INSTANCE) { demo }: Instance,
    @Inject(ZitadelAuthorizer) private readonly zitadel: ZitadelAuthorizer,
    @Inject(RememberedRows) private readonly rows: RememberedRows,
  ) {
    if (!demo) throw new Error('the demo routes need the emulator');
    this.#demo = demo;
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
