import { describe, expect, it } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import { byRank, type ContractStore, type Counter, increment } from "./contract-store.ts";
import type { Documents } from "./documents.ts";

/** Isolation, atomicity and the rules of a transaction body. */
export function transactionsContract(store: ContractStore): void {
  const { newPath, write, fill } = store;

  describe("transactions", () => {
    it("returns what the body returns and sees no write of its own body's failure", async () => {
      const path = newPath();

      const result = await store.documents.transaction(async () => 42);
      const failing = store.documents.transaction(async (tx) => {
        tx.create(path, { a: 1 });
        tx.delete("things/other");
        throw new RangeError("no");
      });

      expect(result).toBe(42);
      await expect(failing).rejects.toThrow(RangeError);
      expect((await store.documents.get(path)).version).toBe(0);
    });

    it("applies all writes or none", async () => {
      const [taken = "", other = ""] = await fill([{ n: 1 }, { n: 2 }]);
      const fresh = newPath();

      const failing = store.documents.transaction(async (tx) => {
        await tx.get(other);
        tx.create(fresh, {});
        tx.set(other, { n: 3 });
        tx.create(taken, {});
      });

      await expect(failing).rejects.toMatchObject({ code: "DOCUMENT_EXISTS" });
      expect((await store.documents.get(fresh)).version).toBe(0);
      expect((await store.documents.get(other)).body).toEqual({ n: 2 });
    });

    it("refuses a read after a write", async () => {
      const path = newPath();
      const verbs: ((tx: Parameters<Parameters<Documents["transaction"]>[0]>[0]) => Promise<unknown>)[] = [
        (tx) => tx.get(path),
        (tx) => tx.getAll([path]),
        (tx) => tx.list({ collection: "things", limit: 1 }),
      ];

      for (const verb of verbs) {
        const failing = store.documents.transaction(async (tx) => {
          tx.create(path, {});
          await verb(tx);
        });
        await expect(failing).rejects.toMatchObject({ code: "READ_AFTER_WRITE" });
      }
    });

    it("refuses to set what was not read and to write a path twice", async () => {
      const path = newPath();

      const outcomes = await Promise.allSettled([
        store.documents.transaction(async (tx) => tx.set(path, {})),
        store.documents.transaction(async (tx) => {
          await tx.get(path);
          tx.set(path, { a: 1 });
          tx.set(path, { a: 2 });
        }),
      ]);

      expect(outcomes).toMatchObject([
        { reason: { code: "WRITE_WITHOUT_READ" } },
        { reason: { code: "WRITTEN_TWICE" } },
      ]);
      expect((await store.documents.get(path)).version).toBe(0);
    });

    it("allows to set what a query of the transaction found", async () => {
      const kind = store.newKind();
      const [path = ""] = await fill([{ kind, rank: 1 }]);

      await store.documents.transaction(async (tx) => {
        const page = await tx.list<{ kind: string }>(byRank(kind));
        for (const found of page.documents) tx.set(found.path, { ...found.body, rank: 2 });
      });

      expect(await store.documents.get(path)).toMatchObject({ body: { kind, rank: 2 }, version: 2 });
    });

    it("refuses a transaction inside a body, and calls after its end", async () => {
      let leaked: (() => void) | undefined;

      const nested = store.documents.transaction(async () => store.documents.transaction(async () => 1));
      await expect(nested).rejects.toMatchObject({ code: "TRANSACTION_NESTED" });
      await store.documents.transaction(async (tx) => {
        leaked = () => tx.create("things/late", {});
      });

      expect(() => leaked?.()).toThrow(expect.objectContaining({ code: "TRANSACTION_ENDED" }));
      expect(await store.documents.transaction(async () => 1)).toBe(1);
    });

    it("loses no increment of 50 at once", async () => {
      const path = newPath();
      await write(path, { count: 0 });

      await Promise.all(Array.from({ length: 50 }, () => increment(store.documents, path)));

      expect(await store.documents.get(path)).toMatchObject({ body: { count: 50 }, version: 51 });
    });

    it("lets exactly one of 20 create a document after seeing it missing", async () => {
      const path = newPath();

      const claim = (me: number) =>
        store.documents.transaction(async (tx) => {
          const seen = await tx.get<{ me: number }>(path);
          if (seen.body === undefined) tx.create(path, { me });
          return seen.body === undefined;
        });
      const won = await Promise.all(Array.from({ length: 20 }, (_, me) => claim(me)));

      expect(won.filter(Boolean)).toHaveLength(1);
      expect((await store.documents.get(path)).body).toEqual({ me: won.indexOf(true) });
    });

    it("admits no write skew: of two that read both and write one each, the second sees the first", async () => {
      for (let round = 0; round < 3; round += 1) {
        const [one = "", other = ""] = await fill([{ onCall: true }, { onCall: true }]);

        const leave = (mine: string) =>
          store.documents.transaction(async (tx) => {
            const both = await tx.getAll<{ onCall: boolean }>([one, other]);
            const onCall = both.filter((doctor) => doctor.body?.onCall).length;
            if (onCall > 1) tx.set(mine, { onCall: false });
          });
        await Promise.all([leave(one), leave(other)]);

        const after = await store.documents.getAll<{ onCall: boolean }>([one, other]);
        expect(after.filter((doctor) => doctor.body?.onCall)).toHaveLength(1);
      }
    });

    it("admits no phantom: of two that create while a list is empty, the second sees the first", async () => {
      const kind = store.newKind();

      const createWhenEmpty = (path: string) =>
        store.documents.transaction(async (tx) => {
          const page = await tx.list(byRank(kind));
          if (page.documents.length === 0) tx.create(path, { kind, rank: 1 });
        });
      await Promise.all([createWhenEmpty(newPath()), createWhenEmpty(newPath())]);

      expect((await store.documents.list(byRank(kind))).documents).toHaveLength(1);
    });

    it("never shows a body two documents of different moments, and never believes its verdict on them", async () => {
      const [one = "", other = ""] = await fill([{ count: 0 }, { count: 0 }]);
      let isDone = false;

      const mover = (async () => {
        for (let round = 0; round < 15; round += 1) {
          await store.documents.transaction(async (tx) => {
            const [first, second] = await tx.getAll<Counter>([one, other]);
            tx.set(one, { count: (first?.body?.count ?? 0) + 1 });
            tx.set(other, { count: (second?.body?.count ?? 0) + 1 });
          });
        }
        isDone = true;
      })();
      while (!isDone) {
        await store.documents
          .transaction(async (tx) => {
            const first = (await tx.get<Counter>(one)).body?.count;
            const second = (await tx.get<Counter>(other)).body?.count;
            if (first !== second) throw new Error(`torn: ${first} and ${second}`);
          })
          .catch((error: unknown) => {
            if (!isAppError(error, "DOCUMENTS_CONTENDED")) throw error;
          });
      }
      await mover;

      expect((await store.documents.get<Counter>(other)).body?.count).toBe(15);
    });

    it("loses no increment of two adapters with 20 each", async () => {
      const path = newPath();
      await write(path, { count: 0 });
      const adapters = [store.documents, store.second];

      await Promise.all(adapters.flatMap((one) => Array.from({ length: 20 }, () => increment(one, path))));

      expect(await store.documents.get(path)).toMatchObject({ body: { count: 40 }, version: 41 });
    });
  });
}
