import { afterAll, beforeAll, describe } from "vitest";
import { bodiesContract } from "./bodies.contract.ts";
import { contractStore } from "./contract-store.ts";
import { type DeclaredQueries, declareQueries } from "./declared-queries.ts";
import type { Documents } from "./documents.ts";
import { queriesContract } from "./queries.contract.ts";
import { transactionsContract } from "./transactions.contract.ts";

export interface ContractSubject {
  documents: Documents;
  /** A second adapter on the same store, where the store admits one. */
  second?: Documents;
  close(): Promise<void>;
}

/** The queries the contract asks, beside the product's own. */
export const contractQueries: DeclaredQueries = declareQueries([
  { collection: "things", filters: [], orderBy: [] },
  { collection: "things", filters: ["kind"], orderBy: ["rank desc"] },
  { collection: "things", filters: ["kind"], orderBy: ["rank asc", "name desc"] },
  { collection: "things", filters: ["kind", "rank"], orderBy: ["rank asc"] },
  { collection: "things", filters: ["isOn"], orderBy: [] },
  { collection: "things", filters: ["lease.until"], orderBy: ["lease.until asc"] },
  { collection: "things", filters: ["kind"], orderBy: ["createdAt desc"] },
  { collection: "things", filters: ["version"], orderBy: [] },
  { collection: "orgs/*/things", filters: [], orderBy: ["name asc"] },
]);

/** Every adapter of the port `documents` keeps these promises. `make` gives an adapter with `contractQueries` on an empty store. */
export function documentsContract(name: string, make: () => Promise<ContractSubject>): void {
  describe(`documents: ${name}`, () => {
    let subject: ContractSubject | undefined;
    const made = () => {
      if (subject === undefined) throw new Error("the adapter under test was not made");
      return subject;
    };

    beforeAll(async () => {
      subject = await make();
    });
    afterAll(async () => subject?.close());

    const store = contractStore(made);
    bodiesContract(store);
    transactionsContract(store);
    queriesContract(store);
  });
}
