/** How long a door may stay open. */
const LIMIT_MS = 10_000;
const PAUSE_MS = 5;

/** When each instance has begun to refuse, in milliseconds after `since`; undefined for one that goes on letting in. */
export function watchDoor(
  door: Door,
  instances: readonly string[],
  since: number,
): Promise<readonly (number | undefined)[]> {
  return Promise.all(
    instances.map(async (url) => {
      while (performance.now() - since < LIMIT_MS) {
        const status = await knock(door, url);
        if (status === 403) return Math.round(performance.now() - since);
        if (status !== 200) throw new Error(`${url} answered ${String(status)}`);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      return undefined;
    }),
  );
}

/** One door, and who knocks. */
export interface Door {
  readonly path: string;
  readonly authorization: string;
}

export async function knock({ path, authorization }: Door, url: string): Promise<number> {
  const { status, body } = await fetch(`${url}${path}`, { headers: { authorization } });
  await body?.cancel();
  return status;
}
