import { Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import {
  Authenticated,
  CurrentCaller,
  MembershipLists,
  ZitadelAuthorizer,
  type Caller,
  type MembershipRow,
} from 'nestjs-zitadel';
import type { Resources } from '../demo.js';
import { INSTANCE, type Instance } from '../instance.js';

/** The caller's own business: any account of the instance may ask. */
@Controller('api/me')
@Authenticated()
export class MeController {
  constructor(
    @Inject(INSTANCE) private readonly instance: Instance,
    @Inject(MembershipLists) private readonly lists: MembershipLists,
    @Inject(ZitadelAuthorizer) private readonly zitadel: ZitadelAuthorizer,
  ) {}

  /** The roles as ZITADEL lists them right now, not as this app remembers them. */
  @Get()
  async read(@CurrentCaller() caller: Caller) {
    const { result } = await this.lists.listMine(caller);
    const { demo } = this.instance;
    return {
      userId: caller.userId,
      roles: result.map((row) => ({
        ...row.on,
        roles: row.roles,
        name: row.displayName,
        ownerId: row.details.resourceOwner,
      })),
      mayGrant: await this.zitadel.lookupResources(caller, 'PROJECT_OWNER'),
      resources: demo?.resources() ?? resourcesOf(result),
      taken: demo?.takenRoles(caller.userId) ?? [],
    };
  }

  /** Forgets what this app remembers about the caller: the next request asks ZITADEL. */
  @Post('evict')
  @HttpCode(200)
  async evict(@CurrentCaller() caller: Caller) {
    await this.zitadel.evict(caller.userId);
    return { message: 'Forgotten. The next request asks ZITADEL anew.' };
  }
}

/** All that is known of a real ZITADEL: the resources on which the caller holds a role. */
function resourcesOf(rows: readonly MembershipRow[]): Resources {
  return {
    organizations: rows.flatMap(({ orgId, displayName }) =>
      orgId === undefined ? [] : [{ id: orgId, name: displayName }],
    ),
    projects: rows.flatMap(({ projectId, displayName, details }) =>
      projectId === undefined
        ? []
        : [
            {
              id: projectId,
              name: displayName,
              ...(details.resourceOwner !== undefined && {
                organizationId: details.resourceOwner,
              }),
            },
          ],
    ),
    projectGrants: rows.flatMap(({ projectGrantId, displayName }) =>
      projectGrantId === undefined ? [] : [{ id: projectGrantId, name: displayName }],
    ),
    people: [],
  };
}
