export { ZitadelHealthIndicator } from './zitadel-health.indicator.js';
export type { ZitadelHealthOptions } from './zitadel-health.indicator.js';
