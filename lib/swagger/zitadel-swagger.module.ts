import type { INestApplication } from '@nestjs/common';
import { type OpenAPIObject, type SwaggerDocumentOptions, SwaggerModule } from '@nestjs/swagger';
import { withZitadel, type ZitadelDocumentOptions } from './document.js';

/**
 * In place of `SwaggerModule` of @nestjs/swagger: each document that it creates has what the guard asks for, as {@link withZitadel} adds it.
 *
 * @example `import { ZitadelSwaggerModule as SwaggerModule } from 'nestjs-zitadel/swagger'`
 */
export class ZitadelSwaggerModule extends SwaggerModule {
  /**
   * @throws ZitadelRequirementError when the application does not import `ZitadelModule` of this package
   * @example `const document = ZitadelSwaggerModule.createDocument(app, new DocumentBuilder().setTitle('Things').build())`
   */
  static override createDocument(
    app: INestApplication,
    config: Omit<OpenAPIObject, 'paths'>,
    options: SwaggerDocumentOptions & ZitadelDocumentOptions = {},
  ): OpenAPIObject {
    return withZitadel(super.createDocument(app, config, options), app, options);
  }
}
