/** What the parts of the page have in common. */
export const state = {
  config: undefined,
  /** The access token of whoever is signed in. */
  token: undefined,
  me: undefined,
  name: undefined,
  /** What there is to try routes on: of the emulator all, of a real ZITADEL what the reader holds a role on. */
  resources: undefined,
  outage: false,
};

/** Tells the parts of the page what happened: `me` (read anew) and `roles` (somebody's are others now). */
export const news = new EventTarget();

export const hear = (name, listener) => news.addEventListener(name, listener);
export const tell = (name) => news.dispatchEvent(new Event(name));

/** Whether ZITADEL is emulated, so that one can be anybody. */
export const isDemo = () => state.config?.people !== undefined;
