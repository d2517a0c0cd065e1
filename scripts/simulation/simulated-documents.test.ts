import { describe, expect, it } from "vitest";
import { contractQueries, documentsContract } from "#shared/platform/documents/documents.contract.ts";
import { type DocumentHooks, simulatedDocuments } from "./simulated-documents.ts";
import { SimulatedStore } from "./simulated-store.ts";

const quiet: DocumentHooks = { turn: async () => false, committed: async () => {} };

function emptyStore() {
  return { store: new SimulatedStore(contractQueries, () => new Date()), commits: 0 };
}

documentsContract("the simulation's", async () => {
  const shared = emptyStore();
  return {
    documents: simulatedDocuments(shared, quiet),
    second: simulatedDocuments(shared, quiet),
    close: async () => {},
  };
});

describe("the simulation's documents", () => {
  it("run a body again when another process has changed what it read, and commit once", async () => {
    const shared = emptyStore();
    const other = simulatedDocuments(shared, quiet);
    const commits: number[] = [];
    let isFirst = true;
    const turn = async (label: string): Promise<boolean> => {
      if (label === "commit" && isFirst) {
        isFirst = false;
        await other.transaction(async (tx) => tx.create("things/a", { count: 1 }));
      }
      return false;
    };
    const committed = async ({ number }: { number: number }): Promise<void> => void commits.push(number);
    let bodies = 0;

    await simulatedDocuments(shared, { turn, committed }).transaction(async (tx) => {
      bodies += 1;
      const { body } = await tx.get<{ count: number }>("things/a");
      tx.set("things/a", { count: (body?.count ?? 0) + 10 });
    });

    expect(bodies).toBe(2);
    expect(commits).toEqual([2]);
    expect((await other.get("things/a")).body).toEqual({ count: 11 });
  });
});
