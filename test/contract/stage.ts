import type { ExpressZitadel } from 'nestjs-zitadel/express';
import { Door, libraryOf, type Setting } from './library.js';
import { castOf } from './cast.js';
import type { Scene } from './scene.js';
import type { World } from './world.js';

/** What cases act on: the world, and the library in every setting that they ask for. */
export class Stage {
  readonly #libraries = new Map<string, Promise<ExpressZitadel>>();

  private constructor(
    readonly scene: Scene,
    readonly door: Door,
  ) {}

  static async set(world: World): Promise<Stage> {
    return new Stage(await castOf(world), await Door.open());
  }

  /** One of a kind: libraries remember nothing about users, but how to reach the server. */
  library(setting: Setting): Promise<ExpressZitadel> {
    // Settings with functions are nobody else's.
    if (setting.more) return libraryOf(this.scene, setting);
    const name = JSON.stringify(setting);
    const known = this.#libraries.get(name);
    if (known) return known;
    const library = libraryOf(this.scene, setting);
    this.#libraries.set(name, library);
    return library;
  }

  close(): Promise<void> {
    return this.door.close();
  }
}
