import { Controller, Inject, Injectable, type MessageEvent, Sse } from '@nestjs/common';
import {
  type Caller,
  CheckedResource,
  CurrentCaller,
  org,
  RequireRole,
  role,
  ZitadelAuthorizer,
} from 'nestjs-zitadel';
import { exhaustMap, filter, interval, map, type Observable, Subject, takeUntil } from 'rxjs';

/** Provide under this name how often a stream asks again, in milliseconds: 30_000, for example. */
export const ASK_EVERY_MS = 'how often a stream asks again';

/** In place of what makes events. */
@Injectable()
export class News {
  readonly #all = new Subject<{ readonly orgId: string; readonly text: string }>();

  add(orgId: string, text: string): void {
    this.#all.next({ orgId, text });
  }

  of(orgId: string): Observable<{ readonly text: string }> {
    return this.#all.pipe(filter((each) => each.orgId === orgId));
  }
}

@Controller('orgs/:orgId/news')
export class NewsController {
  constructor(
    private readonly zitadel: ZitadelAuthorizer,
    private readonly news: News,
    @Inject(ASK_EVERY_MS) private readonly everyMs: number,
  ) {}

  @Sse()
  @RequireRole('ORG_OWNER_VIEWER', org.param('orgId'))
  stream(
    @CheckedResource('org') orgId: string,
    @CurrentCaller() caller: Caller,
  ): Observable<MessageEvent> {
    const mayRead = role('ORG_OWNER_VIEWER', org(orgId));
    const isLost = interval(this.everyMs).pipe(
      exhaustMap(() => this.zitadel.can(caller, mayRead)),
      filter((may) => !may),
    );
    return this.news.of(orgId).pipe(
      map(({ text }) => ({ data: text })),
      takeUntil(isLost),
    );
  }
}
