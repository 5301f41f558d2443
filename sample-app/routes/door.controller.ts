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

/** How long a door may stay open. */
const LIMIT_MS = 10_000;
const PAUSE_MS = 5;

/** When each instance has begun to refuse, in milliseconds after `since`; undefined for one that goes on letting in. */
export function watchDoor(
  door: Door,
  instances: readonly string[],
  since: number,
): Promise<readonly (number | undefined)[]> {
  return Promise.all(
    instances.map(async (url) => {
      while (performance.now() - since < LIMIT_MS) {
        const status = await knock(door, url);
        if (status === 403) return Math.round(performance.now() - since);
        if (status !== 200) throw new Error(`${url} answered ${String(status)}`);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      return undefined;
    }),
  );
}

/** One door, and who knocks. */
export interface Door {
  readonly path: string;
  readonly authorization: string;
}

export async function knock({ path, authorization }: Door, url: string): Promise<number> {
  const { status, body } = await fetch(`${url}${path}`, { headers: { authorization } });
  await body?.cancel();
  return status;
}
