/** Counts work in progress, so that a host can wait for its end. */
export interface InFlight {
  /** Runs the work and counts it until it has settled. */
  during<T>(work: () => Promise<T>): Promise<T>;
  begin(): void;
  end(): void;
  /** Resolves when nothing is in progress, also nothing that the last work set off. */
  none(): Promise<void>;
}

export function inFlight(): InFlight {
  let count = 0;
  const waiting = new Set<() => void>();
  const end = (): void => {
    count--;
    if (count > 0) return;
    for (const wake of waiting) wake();
    waiting.clear();
  };
  const begin = (): void => {
    count++;
  };
  return {
    begin,
    end,
    async during(work) {
      begin();
      try {
        return await work();
      } finally {
        end();
      }
    },
    async none() {
      // A message that was published a moment ago reaches its subscriber a turn or two of the event loop later.
      for (let quietTurns = 0; quietTurns < 3; quietTurns++) {
        if (count > 0) {
          await new Promise<void>((resolve) => waiting.add(resolve));
          quietTurns = -1;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}
