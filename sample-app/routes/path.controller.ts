import { Controller, Get, Headers, Inject, NotFoundException, Param } from '@nestjs/common';
import { Public, ZitadelAuthorizer } from 'nestjs-zitadel';
import { DecisionLog, tabOf, type Decided } from '../decision-log.js';
import { INSTANCE, type Instance } from '../instance.js';
import { RememberedRows } from '../remembered-rows.js';
import { boundTo, pathOf, type RequestPath, type Why } from '../request-path.js';
import { missingOf } from '../what-is-missing.js';

/**
 * Which way a request has gone, and why it was refused. A refusal itself never says that. Here the browser tab that sent the request may know,
 * and the reasons are told with the emulator only: they name what belongs to others.
 */
@Controller('api/path')
export class PathController {
  constructor(
    @Inject(INSTANCE) private readonly instance: Instance,
    @Inject(DecisionLog) private readonly log: DecisionLog,
    @Inject(RememberedRows) private readonly rows: RememberedRows,
    @Inject(ZitadelAuthorizer) private readonly zitadel: ZitadelAuthorizer,
  ) {}

  // A request without a token has a path too. The secret of the tab is what it takes.
  @Get(':id')
  @Public()
  async read(
    @Param('id') id: string,
    @Headers('x-tab') tab: string | undefined,
  ): Promise<RequestPath> {
    const decided = this.log.find(id, tabOf(tab));
    if (!decided) throw new NotFoundException('There is no such request.');
    const [rows, why] = await Promise.all([this.#rowsOf(decided), this.#whyOf(decided)]);
    return { ...pathOf(decided, rows), ...(why && { why }) };
  }

  async #rowsOf({ decision: { caller, read } }: Decided) {
    if (!this.instance.demo || !caller || !read) return {};
    const [rows, now] = await Promise.all([this.rows.asRead(caller, read), this.rows.now(caller)]);
    return { ...(rows && { rows }), ...(now && { now }) };
  }

  async #whyOf(decided: Decided): Promise<Why | undefined> {
    const { decision } = decided;
    if (!this.instance.demo || decision.allowed) return undefined;
    const { detail, remedy } = decision;
    const missing = await this.#missingOf(decided);
    return {
      ...(detail !== undefined && { detail }),
      ...(remedy !== undefined && { remedy }),
      ...(missing && { missing }),
    };
  }

  async #missingOf({ request, requirement, decision }: Decided) {
    const { caller, read } = decision;
    const { demo } = this.instance;
    const asked = requirement && boundTo(request, requirement);
    if (!demo || !caller || !read || !asked) return undefined;
    try {
      const said = await this.zitadel.explain(caller, asked);
      return said.allowed ? undefined : missingOf(asked, said, demo);
    } catch {
      // ZITADEL does not answer, or the caller is forgotten meanwhile.
      return undefined;
    }
  }
}
