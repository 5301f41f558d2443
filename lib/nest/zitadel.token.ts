/** What the join returned, by injection. */
export const ZITADEL = 'nestjs-zitadel:zitadel';
