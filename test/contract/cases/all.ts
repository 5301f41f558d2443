import type { Case } from '../case.js';
import { administrators } from './administrators.js';
import { afterwards } from './afterwards.js';
import { authorizations } from './authorizations.js';
import { elsewhere } from './elsewhere.js';
import { errorsAndHosts } from './errors-and-hosts.js';
import { events } from './events.js';
import { grantsByActor } from './grants-by-actor.js';
import { grantsV1 } from './grants-v1.js';
import { grantsV2 } from './grants-v2.js';
import { introspectionCases } from './introspection.js';
import { longLists } from './long-lists.js';
import { myMemberships } from './my-memberships.js';
import { newKeys } from './new-keys.js';
import { pages } from './pages.js';
import { permissions } from './permissions.js';
import { projects } from './projects.js';
import { revocation } from './revocation.js';
import { setup } from './setup.js';
import { toldLibrary } from './told-library.js';
import { tokens } from './tokens.js';
import { userMemberships } from './user-memberships.js';
import { userinfoCases } from './userinfo.js';
import { webhooks } from './webhooks.js';

/** Every case, in the order in which they run. */
export const allCases: readonly Case[] = [
  ...tokens,
  ...introspectionCases,
  ...userinfoCases,
  ...myMemberships,
  ...userMemberships,
  ...administrators,
  ...authorizations,
  ...permissions,
  ...projects,
  ...grantsV1,
  ...grantsV2,
  ...events,
  ...webhooks,
  ...revocation,
  ...toldLibrary,
  ...errorsAndHosts,
  ...longLists,
  ...grantsByActor,
  ...elsewhere,
  ...setup,
  ...newKeys,
  ...pages,
  ...afterwards,
];
