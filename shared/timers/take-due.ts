import type { Documents } from "#shared/platform/documents/documents.ts";
import { everyDocument, type WholeQuery } from "#shared/platform/documents/pages.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import type { TimerDocument } from "./timers.ts";

/** What becomes of a timer: it goes, comes again at an instant, or was written by its handler. */
export type Settled = "done" | "written" | { again: string };

/**
 * What is due of one kind, done in the timer's own transaction: its effects and the timer's end are one. The body may
 * run again, and finds out from what is stored whether there is anything to do.
 */
export type TimerHandler = (timer: TimerDocument, change: Change) => Promise<Settled>;

export type TimerPorts = {
  documents: Documents;
  /** One transaction and its messages: `commitChange`. */
  commit<R>(body: (change: Change) => Promise<R>): Promise<R>;
} & Pick<Surroundings, "clock" | "log">;

const pageSize = 100;

/**
 * Takes every timer that is due, the oldest first, each in a transaction of its own; safe to run twice and at the same
 * time. A failing one is logged and stays for the next tick; it holds back no other. Answers how many were settled.
 */
export async function takeDueTimers(
  handlers: Readonly<Record<string, TimerHandler>>,
  ports: TimerPorts,
): Promise<number> {
  let settled = 0;
  const due: WholeQuery = {
    collection: "timers",
    filters: [{ field: "dueAt", is: "<=", value: ports.clock.now().toISOString() }],
    orderBy: [{ field: "dueAt", direction: "asc" }],
    limit: pageSize,
  };
  for await (const { path, body } of everyDocument<TimerDocument>(due, ports.documents))
    if (await takeOne(path, body, handlers, ports)) settled += 1;
  return settled;
}

async function takeOne(
  path: string,
  { kind }: TimerDocument,
  handlers: Readonly<Record<string, TimerHandler>>,
  ports: TimerPorts,
): Promise<boolean> {
  const handler = Object.hasOwn(handlers, kind) ? handlers[kind] : undefined;
  try {
    if (handler === undefined) throw new Error(`nobody takes timers of the kind ${kind}`);
    return await ports.commit((change) => settle(path, handler, change));
  } catch (error) {
    ports.log.error({ timer: path, err: error }, "a timer failed");
    return false;
  }
}

async function settle(path: string, handler: TimerHandler, change: Change): Promise<boolean> {
  const { body, readAt } = await change.get<TimerDocument>(path);
  if (body === undefined || Date.parse(body.dueAt) > readAt.getTime()) return false;
  const outcome = await handler(body, change);
  if (outcome === "done") change.delete(path);
  else if (outcome !== "written") change.set<TimerDocument>(path, { ...body, dueAt: outcome.again });
  return true;
}
