/** What the tests tell of the changes, by number. */
export type Note =
  /** Read while the sources are loaded. */
  | { readonly loaded: readonly number[] }
  | { readonly reached: readonly number[] }
  /** Noticed by a test. */
  | { readonly killed: readonly number[] }
  /** A test that fails without a change: at once, or after those that it saw. */
  | { readonly failed: string };
