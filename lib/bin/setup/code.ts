import { join } from 'node:path';
import { pathFrom } from '../application-copies.js';
import type { SetupAsked } from './asked.js';

/** The lines for the application, of Nest or of Express. They use what was made. */
export function codeFor(asked: SetupAsked): string {
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
