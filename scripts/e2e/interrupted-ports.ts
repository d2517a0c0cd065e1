import { AppError } from "#shared/runtime/errors.ts";

/**
 * How a step ends early. A failure is answered and the process lives; after a crash nothing is answered any more, by
 * any port. `before`: the step did nothing; `after`: it is done, but its caller never learns it.
 */
export const interruptions = ["fails before", "fails after", "crashes before", "crashes after"] as const;
export type Interruption = (typeof interruptions)[number];

/** Ports whose k-th effect is interrupted. */
export interface InterruptedPorts<Ports> {
  ports: Ports;
  /** True when there was a k-th effect. */
  isReached(): boolean;
  /** Resolves when the process is as good as dead. */
  crashed: Promise<void>;
}

/** What changes the outside world; reads are no steps. */
const effects: Record<string, readonly string[]> = {
  documents: ["transaction"],
  warehouse: [
    "ensureDataset",
    "labelDataset",
    "ensureTable",
    "addColumns",
    "ensureView",
    "replaceView",
    "dropTable",
    "write",
  ],
  keys: ["seal"],
};

/** The same ports, of which the k-th effect (from 1) is interrupted. */
export function interruptedAt<Ports extends object>(
  k: number,
  how: Interruption,
  ports: Ports,
): InterruptedPorts<Ports> {
  let count = 0;
  let isDead = false;
  let die = (): void => {};
  const crashed = new Promise<void>((resolve) => {
    die = resolve;
  });
  const interrupted = async (call: () => Promise<unknown>): Promise<unknown> => {
    if (isDead) return new Promise(() => {});
    count += 1;
    if (count !== k) return call();
    isDead = how.startsWith("crashes");
    if (how.endsWith("after")) await call();
    if (!isDead) throw new AppError("DOCUMENTS_UNAVAILABLE", `step ${k} was interrupted`, { retryable: true });
    die();
    return new Promise(() => {});
  };
  const wrapped = Object.entries(ports).map(([name, port]) => [
    name,
    interruptedPort(port, effects[name] ?? [], interrupted),
  ]);
  return { ports: Object.fromEntries(wrapped) as Ports, isReached: () => count >= k, crashed };
}

/** Does the work until it has ended or its process has died; the error it ended with, if any. */
export async function untilInterrupted(work: Promise<unknown>, crashed: Promise<void>): Promise<unknown> {
  const ended = work.then(
    () => undefined,
    (error: unknown) => error,
  );
  return Promise.race([ended, crashed]);
}

function interruptedPort(
  port: unknown,
  verbs: readonly string[],
  interrupted: (call: () => Promise<unknown>) => Promise<unknown>,
): unknown {
  if (verbs.length === 0) return port;
  return new Proxy(port as Record<string, (...given: unknown[]) => Promise<unknown>>, {
    get: (target, verb: string) => {
      if (!verbs.includes(verb)) return target[verb];
      return (...given: unknown[]) => interrupted(async () => target[verb]?.(...given));
    },
  });
}
