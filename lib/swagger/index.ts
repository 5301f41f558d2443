export { withZitadel, ZitadelSwaggerModule } from './document.js';
export type { ZitadelDocumentOptions } from './document.js';
export type { ZitadelAccess, ZitadelExtension } from './operation.js';
export type { DescribedRequirement, DescribedResource } from './requirement.js';
