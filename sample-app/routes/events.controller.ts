import { Controller, Headers, Inject, Sse, type MessageEvent } from '@nestjs/common';
import { Authenticated, CurrentCaller, role, ZitadelAuthorizer, type Caller } from 'nestjs-zitadel';
import { concat, of, timer, type Observable } from 'rxjs';
import { map, takeUntil } from 'rxjs/operators';
import { DecisionLog, tabOf } from '../decision-log.js';

/** After a minute the reader has to ask again, so that a role that is gone does not see on for ever. */
const STREAM_MS = 60_000;

/** What just happened, as server-sent events. */
@Controller('api/events')
export class EventsController {
  constructor(
    @Inject(DecisionLog) private readonly log: DecisionLog,
    @Inject(ZitadelAuthorizer) private readonly zitadel: ZitadelAuthorizer,
  ) {}

  @Sse()
  @Authenticated()
  async watch(
    @CurrentCaller() caller: Caller,
    @Headers('x-tab') tab: string | undefined,
  ): Promise<Observable<MessageEvent>> {
    const seesAll = await this.zitadel.can(caller, role('IAM_OWNER'));
    const { userId } = caller;
    const decisions = this.log.watch({ userId, tab: tabOf(tab), seesAll });
    return concat(
      of<MessageEvent>({ type: 'reader', data: { seesAll } }),
      decisions.pipe(map((entry): MessageEvent => ({ type: 'decision', data: entry }))),
    ).pipe(takeUntil(timer(STREAM_MS)));
  }
}
