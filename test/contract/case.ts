import type { Names, Scene } from './scene.js';
import type { Stage } from './stage.js';
import type { Feature, Generation } from './world.js';

export const CHAPTERS = [
  'tokens',
  'introspection',
  'userinfo',
  'my memberships',
  'user memberships',
  'administrators',
  'authorizations',
  'permissions',
  'projects',
  'grants v1',
  'grants v2',
  'grants by actor',
  'removed orgs',
  'events',
  'webhooks',
  'revocation',
  'errors and hosts',
  'afterwards',
] as const;

export type Chapter = (typeof CHAPTERS)[number];

/** One sentence about ZITADEL or the library, and how it is put to the test. */
export interface Case {
  readonly chapter: Chapter;
  /** A sentence; no two cases of a chapter and generation have the same. */
  readonly says: string;
  /** The generation of the API that it needs, where it needs one. */
  readonly generation: Generation | undefined;
  /** What else a server must have, and may not. */
  readonly needs?: Feature;
  /** Asking again changes nothing, so that a lagging read may be asked again. */
  readonly again: boolean;
  readonly ask: (stage: Stage) => Promise<unknown>;
  /** What `ask` answers on every server. */
  readonly verdict: unknown;
}

/** What has to be there before a case: names of what it made. */
export type Given = (scene: Scene) => Promise<Names>;

/** Makes what is needed before the first question, and not again before the next ones. */
export function prepared(given: Given | undefined): (scene: Scene) => Promise<Names> {
  const made = new WeakMap<Scene, Promise<Names>>();
  return (scene) => {
    const known = made.get(scene);
    if (known) return known;
    const names = given ? given(scene) : Promise.resolve({});
    made.set(scene, names);
    return names;
  };
}
