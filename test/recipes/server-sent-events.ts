import { Controller, Injectable, type MessageEvent, Sse } from '@nestjs/common';
import { CheckedResource, org, RequireRole } from 'nestjs-zitadel';
import { filter, map, type Observable, Subject } from 'rxjs';

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
  constructor(private readonly news: News) {}

  @Sse()
  @RequireRole('ORG_OWNER_VIEWER', org.param('orgId'))
  stream(@CheckedResource('org') orgId: string): Observable<MessageEvent> {
    return this.news.of(orgId).pipe(map(({ text }) => ({ data: text })));
  }
}
