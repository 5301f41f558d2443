export { withZitadel } from './document.js';
export { ZitadelSwaggerModule } from './zitadel-swagger.module.js';
export type { ZitadelDocumentOptions } from './document.js';
export type { ZitadelAccess, ZitadelExtension } from './operation.js';
export type { DescribedRequirement, DescribedResource } from './requirement.js';
