/** Whose stored values end: one user's, those that rest on one organization, or all. */
export type StoreTarget = { readonly userId: string } | { readonly orgId: string } | 'everyone';
