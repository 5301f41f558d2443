import { BadRequestException, Controller, Get, Inject, Query } from '@nestjs/common';
import {
  Authenticated,
  CurrentCaller,
  org,
  project,
  projectGrant,
  role,
  ZitadelAuthorizer,
  ZitadelRequirementError,
  type Caller,
  type Requirement,
} from 'nestjs-zitadel';

/** What a door asks for: any role on anything. */
const DOORS: ReadonlyMap<string, (name: string, id: string) => Requirement> = new Map([
  ['instance', (name: string) => role(name as 'IAM_OWNER')],
  ['org', (name: string, id: string) => role(name as 'ORG_OWNER', org(id))],
  ['project', (name: string, id: string) => role(name as 'PROJECT_OWNER', project(id))],
  [
    'projectGrant',
    (name: string, id: string) => role(name as 'PROJECT_GRANT_OWNER', projectGrant(id)),
  ],
]);

/** A door says 200 or 403, as this instance of the app knows it. */
@Controller('api/door')
@Authenticated()
export class DoorController {
  constructor(@Inject(ZitadelAuthorizer) private readonly zitadel: ZitadelAuthorizer) {}

  @Get()
  async enter(@CurrentCaller() caller: Caller, @Query() query: Record<string, unknown>) {
    await this.zitadel.assert(caller, requirementFrom(query));
    return { message: 'You may enter.' };
  }
}

function requirementFrom({ kind, id, role: name }: Record<string, unknown>): Requirement {
  try {
    const requirement = DOORS.get(String(kind))?.(String(name), String(id));
    if (requirement) return requirement;
  } catch (error) {
    if (!(error instanceof ZitadelRequirementError)) throw error;
  }
  throw new BadRequestException('There is no such door.');
}
