export interface HeldPaths {
  /** True when another holder of one of the paths had to finish first. */
  hasWaited: boolean;
  release(): void;
}

/**
 * Turns of one process at document paths, so that its own transactions do not race each other at the store. Only an
 * accelerator: correctness stays with the store.
 */
export interface PathLocks {
  /** Waits until all paths are free. Holders must not acquire again before they release. */
  acquire(paths: readonly string[]): Promise<HeldPaths>;
}

export function pathLocks(): PathLocks {
  const lastHolders = new Map<string, Promise<void>>();

  async function acquireOne(path: string): Promise<HeldPaths> {
    const before = lastHolders.get(path);
    const { promise, resolve } = newTurn();
    lastHolders.set(path, promise);
    await before;
    return {
      hasWaited: before !== undefined,
      release: () => {
        if (lastHolders.get(path) === promise) lastHolders.delete(path);
        resolve();
      },
    };
  }

  return {
    async acquire(paths) {
      const held: HeldPaths[] = [];
      // One order for everybody, so that no two can wait for each other.
      for (const path of [...new Set(paths)].sort()) held.push(await acquireOne(path));
      return {
        hasWaited: held.some((one) => one.hasWaited),
        release: () => {
          for (const one of held) one.release();
        },
      };
    },
  };
}

function newTurn(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
