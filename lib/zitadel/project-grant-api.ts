import type { EnsuredGrant, WantedGrant } from './ensure-project-grant.js';
import type { ChangeDetails, GrantFilter, NewGrant, OfGrant } from './grant-arguments.js';
import type { ProjectGrant } from './project-grant.js';

/** A grant that was added: its id, where the API has ids. */
export interface AddedGrant extends ChangeDetails {
  readonly grantId?: string;
}

/** What one generation of ZITADEL's API does with project grants. Arguments are checked already, and the owner is looked up. */
export interface ProjectGrantApi {
  add(grant: NewGrant): Promise<AddedGrant>;
  get(grant: OfGrant): Promise<ProjectGrant>;
  list(filter: GrantFilter): AsyncGenerator<ProjectGrant, void, undefined>;
  listGranted(organizationId: string | undefined): AsyncGenerator<ProjectGrant, void, undefined>;
  changeRoles(grant: OfGrant & { readonly roleKeys: readonly string[] }): Promise<ChangeDetails>;
  deactivate(grant: OfGrant): Promise<ChangeDetails>;
  reactivate(grant: OfGrant): Promise<ChangeDetails>;
  remove(grant: OfGrant): Promise<ChangeDetails>;
  ensure(wanted: WantedGrant): Promise<EnsuredGrant>;
}
