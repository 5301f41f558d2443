import type { SetupAsked } from './asked.js';

/** The lines for the application. They use what was made. */
export function codeFor({ serviceUserRoles, reads, endpoint }: SetupAsked): string {
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
      : [`events: { signingKeys: env('ZITADEL_SIGNING_KEY')${pathIn(endpoint)} }`]),
  ];
  return `import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { introspection, keyFile, ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';

const env = (name: string) => process.env[name] ?? '';

@Module({
  imports: [
    ZitadelModule.forRoot({
${options.map((option) => `      ${option},\n`).join('')}    }),
  ],
  providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
})
export class AppModule {}`;
}

/** Where the application receives, unless it is the usual place or none that the option takes. */
function pathIn(endpoint: string): string {
  const path = new URL(endpoint).pathname;
  const isNamed = path !== '/zitadel/events' && /^(?:\/[\w.~-]+)+$/.test(path);
  return isNamed ? `, path: '${path}'` : '';
}
