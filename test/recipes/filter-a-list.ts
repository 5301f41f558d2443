import { Controller, Get, Injectable } from '@nestjs/common';
import { Authenticated, type Caller, CurrentCaller, ZitadelAuthorizer } from 'nestjs-zitadel';

export interface Report {
  readonly name: string;
  readonly organizationId: string;
  readonly projectId: string;
}

/** In place of a table. */
@Injectable()
export class Reports {
  readonly rows: Report[] = [];

  /** SELECT ... WHERE organization_id = ANY($1) OR project_id = ANY($2) */
  within(organizations: readonly string[], projects: readonly string[]): readonly Report[] {
    return this.rows.filter(
      ({ organizationId, projectId }) =>
        organizations.includes(organizationId) || projects.includes(projectId),
    );
  }
}

@Controller('reports')
@Authenticated()
export class ReportsController {
  constructor(
    private readonly zitadel: ZitadelAuthorizer,
    private readonly reports: Reports,
  ) {}

  @Get()
  async list(@CurrentCaller() caller: Caller) {
    const where = await this.zitadel.lookupResources(caller, 'PROJECT_OWNER_VIEWER');
    return where.everywhere
      ? this.reports.rows
      : this.reports.within(where.organizations, where.projects);
  }
}
