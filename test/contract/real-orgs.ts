import { requiredId } from './http.js';
import type { RealBounds } from './real-bounds.js';
import { ORG_OF_HEADER, ORGS, removal, V1 } from './real-calls.js';
import type { RealSteps } from './real-steps.js';
import type { Undo } from './undo.js';
import { until, type Org } from './world.js';

/** Organizations of a real server. */
export class RealOrgs {
  constructor(
    private readonly steps: RealSteps,
    private readonly bounds: RealBounds,
    private readonly undo: Undo,
    private readonly suffix: string,
  ) {}

  async add(short: string): Promise<Org> {
    const name = `${short}-${this.suffix}`;
    const make = async () => {
      const made = requiredId(await this.steps.post(`${V1}/orgs`, { name }), 'id');
      this.bounds.noteOrg({ id: made, name });
      return made;
    };
    const id = await this.undo.making(nameOf(name), make, (made) => removal(`${ORGS}/${made}`));
    await until(nameOf(name), async () => (await this.bounds.org(id)) === 'ours');
    await this.steps.inState('ORG_STATE_ACTIVE', ORG_OF_HEADER, id, 'org');
    return { id, name };
  }

  async deactivate({ id }: Org): Promise<void> {
    await this.steps.post(`${ORG_OF_HEADER}/_deactivate`, {}, id);
    await this.steps.inState('ORG_STATE_INACTIVE', ORG_OF_HEADER, id, 'org');
  }

  async reactivate({ id }: Org): Promise<void> {
    await this.steps.post(`${ORG_OF_HEADER}/_reactivate`, {}, id);
    await this.steps.inState('ORG_STATE_ACTIVE', ORG_OF_HEADER, id, 'org');
  }

  async remove({ id, name }: Org): Promise<void> {
    await this.steps.delete(`${ORGS}/${id}`);
    await until(`${nameOf(name)} is removed`, async () => (await this.bounds.org(id)) === 'gone');
    this.undo.drop(nameOf(name));
  }
}

function nameOf(name: string): string {
  return `organization ${name}`;
}
