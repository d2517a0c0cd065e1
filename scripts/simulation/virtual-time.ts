/** Time that only the simulation moves: timers and `performance.now` of the whole process. */
export interface VirtualTime {
  /** Milliseconds. */
  elapsed(): number;
  /** Moves on to the next timer. */
  advance(): void;
}

/** On virtual time. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The same until the signal aborts: then it rejects with its reason. */
export function sleepUntil(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

/** Rounds of the event loop that a chain of promises may need between two turns, `import()` of what is loaded included. */
const rounds = 5;

/** Waits until everything that can go on without the scheduler or time has done so. */
export async function settled(isEnough: () => boolean): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (isEnough()) return;
  }
}
