import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ZitadelError } from '../../core/errors.js';
import { Actions } from '../../zitadel/events/targets.js';
import { ZitadelApiError } from '../../zitadel/refusals.js';
import { Administration } from '../../zitadel/setup/administration.js';
import { pathFrom } from '../application.js';
import { type Command, EXIT } from '../command.js';
import { instanceFrom } from '../instance.js';
import { tellUnknown } from '../event-plan.js';
import { carryOut, type CarriedOut, outcomeAsJson, type Step, tellOutcome } from '../steps.js';
import type { Terminal } from '../terminal.js';
import { HELP, readSetup, type SetupAsked } from './asked.js';
import { lookAt, type AdministratedZitadel } from './look.js';
import { planSetup, type PlanTold } from './plan.js';
import { planRemoval } from './removal.js';

/** Reads lag behind changes: usually 0.03 seconds, on a busy machine a few hundred. */
const LOOKS = 25;
const LOOK_EVERY_MS = 200;

const nothingTold = (): PlanTold => ({ ids: {}, kept: [], unknownEvents: [] });

/** `setup`. */
export const command: Command = {
  help: HELP,
  async run(args, terminal) {
    const asked = readSetup(args);
    const { url, http, token } = await instanceFrom(terminal, 'an IAM_OWNER or ORG_OWNER');
    const administration = new Administration(http, token);
    const zitadel = { url, administration, actions: new Actions(http, token) };
    const told = nothingTold();
    const plan = async () => {
      await administration.enter(asked.organization);
      return planFor(asked, zitadel, told);
    };
    const how = { where: url, yes: asked.yes, isCheck: false, errorText };
    const outcome = await carryOut(plan, how, terminal);
    const isDone = outcome.exitCode === EXIT.done && outcome.done.length > 0;
    if (isDone && terminal.isInteractive) terminal.tell('... until ZITADEL shows it');
    if (isDone && !(await isShown(asked, zitadel, terminal.stop))) {
      terminal.tell('ZITADEL does not show all of it yet. Wait before you run the command again.');
    }
    report(asked, outcome, told, terminal);
    return outcome.exitCode;
  },
};

async function planFor(
  asked: SetupAsked,
  zitadel: AdministratedZitadel,
  told: PlanTold,
): Promise<readonly Step[]> {
  const found = await lookAt(asked, zitadel);
  return asked.mode === 'setup'
    ? planSetup(asked, found, zitadel, told)
    : planRemoval(asked, found, zitadel, told);
}

/** Waits until ZITADEL shows what was changed, so that the next run finds nothing to do. */
async function isShown(
  asked: SetupAsked,
  zitadel: AdministratedZitadel,
  stop: AbortSignal,
): Promise<boolean> {
  for (let look = 1; look <= LOOKS && !stop.aborted; look += 1) {
    try {
      if ((await planFor(asked, zitadel, nothingTold())).length === 0) return true;
    } catch (error) {
      // All of it was done. A look that fails takes nothing of that back.
      if (!(error instanceof ZitadelError)) throw error;
    }
    await sleep(LOOK_EVERY_MS);
  }
  return false;
}

/** What a refusal means for who runs the command. ZITADEL's error ids say what it is about. */
function errorText(error: ZitadelError): string {
  if (!(error instanceof ZitadelApiError)) return error.message;
  const { status, id = '', remedy, message } = error;
  const instead = remedyFor(status, id);
  return instead === undefined ? message : message.replace(remedy, instead);
}

function remedyFor(status: number, id: string): string | undefined {
  if (status === 401) {
    return 'ZITADEL_PAT is not accepted: it must be a personal access token of this instance that is not expired';
  }
  if (id === 'AUTH-Bs7Ds') return 'there is no organization with this id: check --organization';
  if (status === 403 || id === 'AUTHZ-cdgFk') {
    return 'the user of ZITADEL_PAT may not do this: make it IAM_OWNER, or ORG_OWNER of the organization if nothing is made on the instance (--endpoint, roles that begin with IAM_)';
  }
  if (status === 409) {
    return 'the name is taken, perhaps a moment ago: run the same command again, or choose another name';
  }
  return undefined;
}

function report(asked: SetupAsked, outcome: CarriedOut, told: PlanTold, terminal: Terminal): void {
  const { mode, project } = asked;
  const { exitCode, done } = outcome;
  const { kept, unknownEvents } = told;
  const { signingKey: _secret, isKeyUntold: _, ...ids } = told.ids;
  const files = [asked.envFile, ...Object.values(asked.keyFiles)];
  if (asked.json) {
    const facts = { ...outcomeAsJson(outcome), kept, unknownEvents, ids, files };
    terminal.out(JSON.stringify({ mode, project, ...facts }));
    return;
  }
  for (const text of kept) terminal.tell(text);
  tellUnknown(unknownEvents, terminal);
  tellOutcome(outcome, terminal);
  if (exitCode !== EXIT.done) return;
  if (mode === 'remove') {
    terminal.tell(done.length === 0 ? 'Nothing to take back: setup made nothing.' : 'Done.');
    return;
  }
  terminal.tell(
    done.length === 0
      ? 'Nothing to change: all is set up.'
      : `Done. ${files.join(', ')} do not belong into the repository.\nYour application, started with node --env-file=${asked.envFile} or @nestjs/config:\n`,
  );
  if (done.length > 0) terminal.out(codeFor(asked));
}

/** The lines for the application, of Nest or of Express. They use what was made. */
function codeFor(asked: SetupAsked): string {
  const isNest = pathFrom(join(process.cwd(), 'package.json'), '@nestjs/core') !== undefined;
  return isNest ? nestCode(asked) : expressCode(asked);
}

const ENV = "const env = (name: string) => process.env[name] ?? '';";

function nestCode(asked: SetupAsked): string {
  return `import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { introspection, keyFile, ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';

${ENV}

@Module({
  imports: [
    ZitadelModule.forRoot({
${optionsText(asked, pathIn(asked.endpoint), '      ')}
    }),
  ],
  providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
})
export class AppModule {}`;
}

function expressCode(asked: SetupAsked): string {
  const { endpoint } = asked;
  const [receiver, use] =
    endpoint === undefined
      ? ['', '']
      : [
          ', zitadelEvents',
          `\n// Before express.json(): app.post('${new URL(endpoint).pathname}', events)\nexport const events = zitadelEvents(zitadel);`,
        ];
  return `import { createZitadel, introspection, keyFile${receiver} } from 'nestjs-zitadel/express';

${ENV}

export const zitadel = createZitadel({
${optionsText(asked, '', '  ')}
});${use}`;
}

function optionsText(
  { serviceUserRoles, reads, endpoint }: SetupAsked,
  path: string,
  indent: string,
): string {
  const where =
    reads === 'everywhere' ? '' : ", organizations: env('ZITADEL_ORGANIZATIONS').split(',')";
  const options = [
    "issuer: env('ZITADEL_ISSUER')",
    "audience: env('ZITADEL_PROJECT_ID')",
    "callers: introspection(keyFile(env('ZITADEL_API_KEY')))",
    ...(serviceUserRoles.length > 0
      ? ["serviceUser: keyFile(env('ZITADEL_SERVICE_USER_KEY'))"]
      : []),
    ...(reads === 'nowhere' ? [] : [`memberships: { as: 'serviceUser'${where} }`]),
    ...(endpoint === undefined
      ? []
      : [`events: { signingKeys: env('ZITADEL_SIGNING_KEY')${path} }`]),
  ];
  return options.map((option) => `${indent}${option},`).join('\n');
}

/** Where Nest receives, unless it is the usual place or none that the option takes. */
function pathIn(endpoint: string | undefined): string {
  const path = endpoint === undefined ? '' : new URL(endpoint).pathname;
  const isNamed = path !== '/zitadel/events' && /^(?:\/[\w.~-]+)+$/.test(path);
  return isNamed ? `, path: '${path}'` : '';
}
