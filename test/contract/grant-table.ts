/** What is asked about a project grant, by API v1. */
export const VERBS = [
  'add',
  'get',
  'list',
  'list all',
  'list granted',
  'change',
  'deactivate',
  'reactivate',
  'remove',
] as const;

export type Verb = (typeof VERBS)[number];

/** The organization in `x-zitadel-orgid`; without one it is the caller's own, where nobody here has a row. */
export const CALL_ORGS = ['owner', 'granted', 'third', 'own'] as const;

export type CallOrg = (typeof CALL_ORGS)[number];

/** What ZITADEL says, by the last part of its error id. */
export const SAYINGS = {
  ok: { status: 200 },
  '5mWD2': { status: 403, id: 'AUTH-5mWD2' },
  '3jknH': { status: 403, id: 'AUTH-3jknH' },
  cdgFk: { status: 404, id: 'AUTHZ-cdgFk' },
  d3g31: { status: 404, id: 'MANAG-d3g31' },
  D8JxR: { status: 404, id: 'PROJECT-D8JxR' },
  m9gsd: { status: 400, id: 'COMMAND-m9gsd' },
  EbFMN: { status: 400, id: 'COMMAND-EbFMN' },
} as const;

/**
 * Who is told what, under the organization that owns the project, the one it is granted to, a third one and the caller's own. Everybody
 * lives in an organization that has nothing to do with the grant. A caller without any row that counts under an organization is cdgFk
 * there, one whose rows do not permit it 5mWD2; then it is a matter of what the organization has to do with the grant.
 */
export const GRANT_TABLE = {
  nobody: {
    add: 'cdgFk cdgFk cdgFk cdgFk',
    get: 'cdgFk cdgFk cdgFk cdgFk',
    list: 'cdgFk cdgFk cdgFk cdgFk',
    'list all': 'cdgFk cdgFk cdgFk cdgFk',
    'list granted': 'cdgFk cdgFk cdgFk cdgFk',
    change: 'cdgFk cdgFk cdgFk cdgFk',
    deactivate: 'cdgFk cdgFk cdgFk cdgFk',
    reactivate: 'cdgFk cdgFk cdgFk cdgFk',
    remove: 'cdgFk cdgFk cdgFk cdgFk',
  },
  'ORG_OWNER of the owner': {
    add: 'ok cdgFk cdgFk cdgFk',
    get: 'ok cdgFk cdgFk cdgFk',
    list: 'ok cdgFk cdgFk cdgFk',
    'list all': 'ok cdgFk cdgFk cdgFk',
    'list granted': 'ok cdgFk cdgFk cdgFk',
    change: 'ok cdgFk cdgFk cdgFk',
    deactivate: 'ok cdgFk cdgFk cdgFk',
    reactivate: 'ok cdgFk cdgFk cdgFk',
    remove: 'ok cdgFk cdgFk cdgFk',
  },
  'ORG_OWNER_VIEWER of the owner': {
    add: '5mWD2 cdgFk cdgFk cdgFk',
    get: 'ok cdgFk cdgFk cdgFk',
    list: 'ok cdgFk cdgFk cdgFk',
    'list all': 'ok cdgFk cdgFk cdgFk',
    'list granted': 'ok cdgFk cdgFk cdgFk',
    change: '5mWD2 cdgFk cdgFk cdgFk',
    deactivate: '5mWD2 cdgFk cdgFk cdgFk',
    reactivate: '5mWD2 cdgFk cdgFk cdgFk',
    remove: '5mWD2 cdgFk cdgFk cdgFk',
  },
  'ORG_PROJECT_PERMISSION_EDITOR of the owner': {
    add: 'ok cdgFk cdgFk cdgFk',
    get: 'ok cdgFk cdgFk cdgFk',
    list: 'ok cdgFk cdgFk cdgFk',
    'list all': 'ok cdgFk cdgFk cdgFk',
    'list granted': 'ok cdgFk cdgFk cdgFk',
    change: 'ok cdgFk cdgFk cdgFk',
    deactivate: 'ok cdgFk cdgFk cdgFk',
    reactivate: 'ok cdgFk cdgFk cdgFk',
    remove: 'ok cdgFk cdgFk cdgFk',
  },
  'ORG_USER_MANAGER of the owner': {
    add: '5mWD2 cdgFk cdgFk cdgFk',
    get: '5mWD2 cdgFk cdgFk cdgFk',
    list: '5mWD2 cdgFk cdgFk cdgFk',
    'list all': '5mWD2 cdgFk cdgFk cdgFk',
    'list granted': 'ok cdgFk cdgFk cdgFk',
    change: '5mWD2 cdgFk cdgFk cdgFk',
    deactivate: '5mWD2 cdgFk cdgFk cdgFk',
    reactivate: '5mWD2 cdgFk cdgFk cdgFk',
    remove: '5mWD2 cdgFk cdgFk cdgFk',
  },
  PROJECT_OWNER: {
    add: 'ok cdgFk cdgFk cdgFk',
    get: 'ok cdgFk cdgFk cdgFk',
    list: 'ok cdgFk cdgFk cdgFk',
    'list all': 'ok cdgFk cdgFk cdgFk',
    'list granted': 'ok cdgFk cdgFk cdgFk',
    change: 'ok cdgFk cdgFk cdgFk',
    deactivate: 'ok cdgFk cdgFk cdgFk',
    reactivate: 'ok cdgFk cdgFk cdgFk',
    remove: 'ok cdgFk cdgFk cdgFk',
  },
  PROJECT_OWNER_VIEWER: {
    add: '5mWD2 cdgFk cdgFk cdgFk',
    get: 'ok cdgFk cdgFk cdgFk',
    list: 'ok cdgFk cdgFk cdgFk',
    'list all': 'ok cdgFk cdgFk cdgFk',
    'list granted': 'ok cdgFk cdgFk cdgFk',
    change: '5mWD2 cdgFk cdgFk cdgFk',
    deactivate: '5mWD2 cdgFk cdgFk cdgFk',
    reactivate: '5mWD2 cdgFk cdgFk cdgFk',
    remove: '5mWD2 cdgFk cdgFk cdgFk',
  },
  PROJECT_GRANT_OWNER: {
    add: '5mWD2 5mWD2 cdgFk cdgFk',
    get: 'ok ok cdgFk cdgFk',
    list: '3jknH 3jknH cdgFk cdgFk',
    'list all': 'ok ok cdgFk cdgFk',
    'list granted': 'ok ok cdgFk cdgFk',
    change: '5mWD2 5mWD2 cdgFk cdgFk',
    deactivate: '5mWD2 5mWD2 cdgFk cdgFk',
    reactivate: '5mWD2 5mWD2 cdgFk cdgFk',
    remove: '5mWD2 5mWD2 cdgFk cdgFk',
  },
  PROJECT_GRANT_OWNER_VIEWER: {
    add: '5mWD2 5mWD2 cdgFk cdgFk',
    get: 'ok ok cdgFk cdgFk',
    list: '3jknH 3jknH cdgFk cdgFk',
    'list all': 'ok ok cdgFk cdgFk',
    'list granted': 'ok ok cdgFk cdgFk',
    change: '5mWD2 5mWD2 cdgFk cdgFk',
    deactivate: '5mWD2 5mWD2 cdgFk cdgFk',
    reactivate: '5mWD2 5mWD2 cdgFk cdgFk',
    remove: '5mWD2 5mWD2 cdgFk cdgFk',
  },
  'ORG_OWNER of the granted': {
    add: 'cdgFk m9gsd cdgFk cdgFk',
    get: 'cdgFk ok cdgFk cdgFk',
    list: 'cdgFk ok cdgFk cdgFk',
    'list all': 'cdgFk ok cdgFk cdgFk',
    'list granted': 'cdgFk ok cdgFk cdgFk',
    change: 'cdgFk D8JxR cdgFk cdgFk',
    deactivate: 'cdgFk EbFMN cdgFk cdgFk',
    reactivate: 'cdgFk EbFMN cdgFk cdgFk',
    remove: 'cdgFk D8JxR cdgFk cdgFk',
  },
  'ORG_OWNER of the third': {
    add: 'cdgFk cdgFk m9gsd cdgFk',
    get: 'cdgFk cdgFk d3g31 cdgFk',
    list: 'cdgFk cdgFk ok cdgFk',
    'list all': 'cdgFk cdgFk ok cdgFk',
    'list granted': 'cdgFk cdgFk ok cdgFk',
    change: 'cdgFk cdgFk D8JxR cdgFk',
    deactivate: 'cdgFk cdgFk EbFMN cdgFk',
    reactivate: 'cdgFk cdgFk EbFMN cdgFk',
    remove: 'cdgFk cdgFk D8JxR cdgFk',
  },
  IAM_OWNER: {
    add: 'ok m9gsd m9gsd m9gsd',
    get: 'ok ok d3g31 d3g31',
    list: 'ok ok ok ok',
    'list all': 'ok ok ok ok',
    'list granted': 'ok ok ok ok',
    change: 'ok D8JxR D8JxR D8JxR',
    deactivate: 'ok EbFMN EbFMN EbFMN',
    reactivate: 'ok EbFMN EbFMN EbFMN',
    remove: 'ok D8JxR D8JxR D8JxR',
  },
  IAM_OWNER_VIEWER: {
    add: '5mWD2 5mWD2 5mWD2 5mWD2',
    get: 'ok ok d3g31 d3g31',
    list: 'ok ok ok ok',
    'list all': 'ok ok ok ok',
    'list granted': 'ok ok ok ok',
    change: '5mWD2 5mWD2 5mWD2 5mWD2',
    deactivate: '5mWD2 5mWD2 5mWD2 5mWD2',
    reactivate: '5mWD2 5mWD2 5mWD2 5mWD2',
    remove: '5mWD2 5mWD2 5mWD2 5mWD2',
  },
} as const satisfies Readonly<Record<string, Readonly<Record<Verb, string>>>>;

export type Actor = keyof typeof GRANT_TABLE;
