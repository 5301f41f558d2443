import { setTimeout as sleep } from 'node:timers/promises';
import { createZitadel, pat, ZitadelUnavailableError } from 'nestjs-zitadel/express';
import type { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { LINE_HEADER, type Arrived, type FaultServer, type Strike } from './fault-server.js';
import { SILENT } from './fault-subjects.js';
import { answering, silence } from './strikes.js';

/** What was asked is done, and then: no word of it, or a wrong one. */
const AFTERWARDS: readonly Strike[] = [
  (socket) => void socket.resetAndDestroy(),
  (socket) => void socket.end(),
  silence,
  answering(502, '<h1>Bad Gateway</h1>', { 'content-type': 'text/html' }),
  answering(503, '{"code":14,"message":"unavailable"}', {
    'content-type': 'application/json',
    'retry-after': '0',
  }),
  answering(504, '{"code":4,"message":"context deadline exceeded"}'),
  answering(429, '{"code":8,"message":"Quota.Access.Exhausted"}', {
    'content-type': 'application/json',
    'retry-after': '0',
  }),
  answering(500, '{"code":13,"message":"Errors.Internal"}'),
  answering(200, '{"grantId":"12'),
];

export interface AmbiguousFigures {
  ambiguous: number;
  /** Grants beyond the one that was asked for, and creates that were sent again without a look at what is there. */
  duplicates: number;
  /** Callers that were not told what is known: `add` that the outcome is not, `ensure` the grant that is there. */
  wrong: number;
}

const LANES = 12;

/** Creates whose answers are lost: `add` must leave it at that and say so, `ensure` must look before it tries again. */
export async function loseAnswers(
  zitadel: ZitadelEmulator,
  server: FaultServer,
  failures: number,
  progress: (text: string) => void,
): Promise<AmbiguousFigures> {
  const acme = zitadel.addOrg('acme that grants');
  const project = zitadel.addProject('granted', { org: acme, roles: ['reader'] });
  const service = zitadel.addServiceUser('granting', { org: acme });
  zitadel.addMember(service, 'instance', ['IAM_OWNER']);
  const token = zitadel.patFor(service);
  const figures: AmbiguousFigures = { ambiguous: 0, duplicates: 0, wrong: 0 };

  const lose = async (number: number): Promise<void> => {
    const line = `ambiguous-${number}`;
    const { id: grantedOrgId } = zitadel.addOrg(`granted ${number}`);
    const seen: ('create' | 'look')[] = [];
    server.strike(line, (asked) => {
      if (!isCreate(asked)) {
        seen.push('look');
        return undefined;
      }
      if (seen.at(-1) === 'create') figures.duplicates += 1;
      seen.push('create');
      if (seen.filter((each) => each === 'create').length > 1) return undefined;
      figures.ambiguous += 1;
      const afterwards = AFTERWARDS[number % AFTERWARDS.length] ?? silence;
      return async (socket, struck) => {
        await struck.right();
        await afterwards(socket, struck);
      };
    });
    const { projectGrants } = createZitadel(
      zitadel.options({
        internalUrl: server.url,
        api: number % 4 < 2 ? 'v1' : 'v2',
        serviceUser: pat(token),
        // Only what is silent on purpose may outlast this, on a busy machine too.
        timeoutMs: 2_000,
        budgetMs: 4_000,
        logger: SILENT,
        fetch: (url, init) => {
          const headers = { ...(init.headers as Record<string, string>), [LINE_HEADER]: line };
          return fetch(url, { ...init, headers });
        },
      }),
    );
    const wanted = { organizationId: acme.id, projectId: project.id, grantedOrgId };
    const ensures = number % 2 === 0;
    const told = await (
      ensures
        ? projectGrants.ensure({ ...wanted, roleKeys: ['reader'] })
        : projectGrants.add({ ...wanted, roleKeys: ['reader'] })
    ).catch((error: unknown) => error);
    server.heal(line);
    const there = zitadel.grants().filter((grant) => grant.grantedOrgId === grantedOrgId);
    figures.duplicates += Math.max(0, there.length - 1);
    const right = ensures ? !(told instanceof Error) : told instanceof ZitadelUnavailableError;
    if (right && there.length === 1) return;
    figures.wrong += 1;
    progress(`${line}: ${String(told)}, ${there.length} grants, asked ${seen.join()}`);
  };

  let next = 0;
  const drive = async (): Promise<void> => {
    for (let number = next++; number < failures; number = next++) {
      await lose(number);
      if (number % 200 === 199) progress(`${number + 1} creates lost their answers`);
      // Others are to be heard between two.
      await sleep(0);
    }
  };
  await Promise.all(Array.from({ length: LANES }, drive));
  return figures;
}

function isCreate({ method, path }: Arrived): boolean {
  return method === 'POST' && (path.endsWith('/grants') || path.endsWith('/CreateProjectGrant'));
}
