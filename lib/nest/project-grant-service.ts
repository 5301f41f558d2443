import { from, Observable } from 'rxjs';
import { ProjectGrantService as ProjectGrants } from '../zitadel/grants/project-grant-service.js';
import type { EnsureManyOptions, GrantProgress } from '../zitadel/grants/ensure-many.js';
import type { WantedGrant } from '../zitadel/grants/ensure.js';

/** As in Express, and an rxjs Observable. */
class ManyGrants extends Observable<GrantProgress> implements AsyncIterable<GrantProgress> {
  constructor(private readonly each: AsyncIterable<GrantProgress>) {
    super((subscriber) => from(each).subscribe(subscriber));
  }

  [Symbol.asyncIterator](): AsyncIterator<GrantProgress> {
    return this.each[Symbol.asyncIterator]();
  }
}

/**
 * Grants projects to other organizations, as the service user. Here `ensureMany` gives an rxjs Observable.
 *
 * @example `await this.grants.ensure({ projectId, grantedOrgId, roleKeys: ['editor'] })`
 */
export class ProjectGrantService extends ProjectGrants {
  /** @example `this.grants.ensureMany(grants).subscribe(({ done, total }) => this.show(done / total))` */
  override ensureMany(
    wanted: readonly WantedGrant[],
    options: EnsureManyOptions = {},
  ): Observable<GrantProgress> & AsyncIterable<GrantProgress> {
    return new ManyGrants(super.ensureMany(wanted, options));
  }
}
