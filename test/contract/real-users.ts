import { randomBytes } from 'node:crypto';
import { requiredId } from './http.js';
import type { RealBounds } from './real-bounds.js';
import { removal, V1 } from './real-calls.js';
import type { RealSteps } from './real-steps.js';
import type { Undo } from './undo.js';
import type { Org, User } from './world.js';

/** Users of a real server. */
export class RealUsers {
  readonly #passwords = new Map<string, string>();

  constructor(
    private readonly steps: RealSteps,
    private readonly bounds: RealBounds,
    private readonly undo: Undo,
    private readonly root: Org,
    private readonly suffix: string,
  ) {}

  addService(org: Org, name: string, tokens: 'jwt' | 'opaque'): Promise<User> {
    const userName = `${name}-${this.suffix}`;
    const accessTokenType = tokens === 'jwt' ? 'ACCESS_TOKEN_TYPE_JWT' : 'ACCESS_TOKEN_TYPE_BEARER';
    const wanted = { userName, name, accessTokenType };
    return this.#add(org, userName, async () =>
      requiredId(await this.steps.post(`${V1}/users/machine`, wanted, org.id), 'userId'),
    );
  }

  async addPerson(org: Org, name: string): Promise<User> {
    const userName = `${name}-${this.suffix}`;
    const password = aPassword();
    const wanted = {
      organizationId: org.id,
      username: userName,
      human: {
        profile: { givenName: capitalized(name), familyName: 'Human' },
        email: { email: `${name}@acme.example`, isVerified: true },
        password: { password },
      },
    };
    const person = await this.#add(org, userName, async () =>
      requiredId(await this.steps.post('/v2/users/new', wanted), 'id'),
    );
    this.#passwords.set(person.id, password);
    return person;
  }

  async changePassword({ id }: User): Promise<void> {
    const password = aPassword();
    const newPassword = { password, changeRequired: false };
    await this.steps.post(`/v2/users/${id}/password`, { newPassword });
    this.#passwords.set(id, password);
  }

  passwordOf({ id }: User): string {
    return this.#passwords.get(id) ?? '';
  }

  async change({ id, orgId }: User, verb: string, state: string): Promise<void> {
    const path = `${V1}/users/${id}`;
    await this.steps.post(`${path}/${verb}`, {}, orgId);
    await this.steps.inState(state, path, orgId, 'user');
  }

  async remove({ id, orgId, userName }: User): Promise<void> {
    await this.steps.delete(`${V1}/users/${id}`, orgId);
    await this.steps.gone(`${V1}/users/${id}`, orgId);
    this.undo.drop(nameOf(userName));
  }

  async #add(org: Org, userName: string, ask: () => Promise<string>): Promise<User> {
    const make = async () => {
      const made = await ask();
      this.bounds.noteUser({ id: made, userName, orgId: org.id });
      return made;
    };
    const away = (made: string) => removal(`${V1}/users/${made}`, org.id);
    // Users of other organizations go with them.
    const id =
      org.id === this.root.id ? await this.undo.making(nameOf(userName), make, away) : await make();
    await this.steps.inState('USER_STATE_ACTIVE', `${V1}/users/${id}`, org.id, 'user');
    return { id, userName, orgId: org.id };
  }
}

/** As every usual policy wants it. */
function aPassword(): string {
  return `Aa1!${randomBytes(12).toString('base64url')}`;
}

function nameOf(userName: string): string {
  return `user ${userName}`;
}

export function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
