/** The lines for the application. */
export const CODE = `import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { introspection, keyFile, ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';

const { ZITADEL_ISSUER = '', ZITADEL_PROJECT_ID = '', ZITADEL_API_KEY = '' } = process.env;

@Module({
  imports: [
    ZitadelModule.forRoot({
      issuer: ZITADEL_ISSUER,
      audience: ZITADEL_PROJECT_ID,
      callers: introspection(keyFile(ZITADEL_API_KEY)),
    }),
  ],
  providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
})
export class AppModule {}`;
