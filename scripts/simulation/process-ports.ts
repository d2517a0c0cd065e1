import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import type { Message } from "#shared/platform/topics/topics.ts";
import { noMetrics } from "#shared/runtime/metrics.ts";
import type { SimulationBase } from "./base.ts";
import type { SimulatedProcess } from "./process.ts";
import { type Commit, type SharedStore, simulatedDocuments } from "./simulated-documents.ts";
import { type SimulatedBatches, simulatedWarehouse } from "./warehouse.ts";

/** What lies outside of a process. */
export interface Outside {
  base: SimulationBase;
  shared: SharedStore;
  batches: SimulatedBatches;
  accept(messages: readonly Message[]): void;
  committed(commit: Commit, process: SimulatedProcess): void;
  newId(prefix: string): string;
  /** The store's clock, and by how much this process's own is off. */
  now(): Date;
  skewSeconds: number;
}

/** The ports of one process: each call is one of its turns. */
export function processPorts(process: SimulatedProcess, outside: Outside): EnginePorts {
  const { base, shared, batches, accept, committed, newId, now, skewSeconds } = outside;
  const silent = (): void => {};
  return {
    documents: simulatedDocuments(shared, {
      turn: async (label) => {
        const fault = await process.turn(label);
        if (fault === "fails before") process.refuse("DOCUMENTS_UNAVAILABLE", label);
        if (fault === "fails after") process.owe();
        return fault === "beaten";
      },
      committed: async (commit) => {
        committed(commit, process);
        if (process.takesDebt()) process.refuse("DOCUMENTS_UNAVAILABLE", "commit");
      },
    }),
    topics: {
      publish: (messages) => process.call("publish", "TOPICS_UNAVAILABLE", () => accept(messages)),
      close: async () => {},
    },
    warehouse: simulatedWarehouse(batches, process),
    keys: base.keys,
    clock: { now: () => new Date(now().getTime() + skewSeconds * 1000) },
    ids: { newId },
    log: { info: silent, warn: silent, error: silent, debug: silent },
    metrics: noMetrics,
    config: base.config,
  };
}

/** Ids in the form of the real ones, the same in every repetition. */
export function numberedIds(): (prefix: string) => string {
  let ids = 0;
  return (prefix) => {
    ids += 1;
    return `${prefix}_${String(ids).padStart(26, "0")}`;
  };
}
