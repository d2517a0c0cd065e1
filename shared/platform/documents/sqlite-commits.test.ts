import Database from "libsql";
import { describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { increment } from "./contract-store.ts";
import { contractQueries } from "./documents.contract.ts";
import type { Documents } from "./documents.ts";
import { type SharedCommits, sharedCommits } from "./sqlite-commits.ts";
import { sqliteDocuments } from "./sqlite-documents.ts";
import { type Prepare, preparedOnce } from "./sqlite-statements.ts";

/** A connection that notes its commits; `refuseCommit` makes each fail as on a full disk. */
function connection(): {
  commits: SharedCommits;
  prepare: Prepare;
  state: { committed: number; refuseCommit: boolean };
  rows(): unknown[];
  isOpen(): boolean;
} {
  const database = new Database(":memory:");
  database.exec("CREATE TABLE t (k TEXT PRIMARY KEY)");
  const state = { committed: 0, refuseCommit: false };
  const watched = {
    exec: (sql: string) => {
      if (sql === "COMMIT" && state.refuseCommit)
        throw Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
      database.exec(sql);
      if (sql === "COMMIT") state.committed += 1;
      return database;
    },
    get inTransaction() {
      return database.inTransaction;
    },
  };
  const prepare = preparedOnce(database);
  return {
    commits: sharedCommits(watched, prepare),
    prepare,
    state,
    rows: () => prepare("SELECT k FROM t ORDER BY k").raw().all([]).flat(),
    isOpen: () => database.inTransaction,
  };
}

describe("commits of one connection", () => {
  it("hold all that is written in one turn of the event loop", async () => {
    const { commits, prepare, state, rows } = connection();
    const written = ["a", "b", "c"].map((key) => commits.write(0, () => void insert(prepare, key)).onDisk);

    await Promise.all(written);
    await commits.write(0, () => void insert(prepare, "d")).onDisk;

    expect(rows()).toEqual(["a", "b", "c", "d"]);
    expect(state.committed).toBe(2);
  });

  it("are made at the latest when so many wait", async () => {
    const { commits, prepare, state } = connection();

    for (let at = 0; at < 64; at++) commits.write(0, () => void insert(prepare, `k${at}`));

    expect(state.committed).toBe(1);
  });

  it("lack a transaction that was refused, whole, and keep those beside it", async () => {
    const { commits, prepare, rows } = connection();
    const first = commits.write(0, () => void insert(prepare, "a"));

    const refused = () =>
      commits.write(0, () => {
        insert(prepare, "b");
        throw new Error("refused");
      });
    expect(refused).toThrow("refused");
    const last = commits.write(0, () => void insert(prepare, "c"));
    await Promise.all([first.onDisk, last.onDisk]);

    expect(rows()).toEqual(["a", "c"]);
  });

  it("that fail are nobody's success, and whoever has read from them is refused", async () => {
    const { commits, prepare, state, rows, isOpen } = connection();
    state.refuseCommit = true;
    const lost = [commits.write(0, () => void insert(prepare, "a")), commits.write(0, () => void insert(prepare, "b"))];
    const reader = commits.onDisk(0);

    const outcomes = await Promise.allSettled([...lost.map(({ onDisk }) => onDisk), reader]);

    const full = { status: "rejected", reason: expect.objectContaining({ code: "DOCUMENTS_UNAVAILABLE" }) };
    expect(outcomes).toEqual([full, full, full]);
    expect([rows(), isOpen()]).toEqual([[], false]);
    state.refuseCommit = false;
    expect(() => commits.write(0, () => void insert(prepare, "c"))).toThrow("could not write to disk");
    await expect(commits.onDisk(0)).rejects.toMatchObject({ code: "DOCUMENTS_UNAVAILABLE" });
    await commits.write(commits.losses(), () => void insert(prepare, "d")).onDisk;
    expect(rows()).toEqual(["d"]);
  });

  it("can be waited for and made at once, so that nobody reads what is not on disk", async () => {
    const { commits, prepare, isOpen } = connection();
    commits.write(0, () => void insert(prepare, "a"));
    const before = isOpen();

    await commits.settled();
    const settled = isOpen();
    commits.write(0, () => void insert(prepare, "b"));
    commits.flush();

    expect([before, settled, isOpen()]).toEqual([true, false, false]);
  });
});

describe("transactions that share commits", () => {
  it("are not refused for a path that is taken before its taking is on disk", async () => {
    const documents = sqliteDocuments({ file: ":memory:", clock: systemClock, declared: async () => contractQueries });
    const told: string[] = [];
    const take = () => documents.transaction(async (tx) => tx.create("things/a", {}));

    await Promise.all([take().then(() => told.push("taken")), take().catch(({ code }) => told.push(code))]);

    expect(told).toEqual(["taken", "DOCUMENT_EXISTS"]);
  });

  it("count exactly, whoever reads or fails beside them", async () => {
    const documents = sqliteDocuments({ file: ":memory:", clock: systemClock, declared: async () => contractQueries });
    const seen: number[] = [];
    const look = async () => seen.push((await documents.get<{ count: number }>("things/a")).body?.count ?? 0);

    await documents.transaction(async (tx) => tx.create("things/taken", {}));
    const all = Array.from({ length: 200 }, async (_, at) => {
      if (at % 5 === 0) await look();
      if (at % 7 === 0) await expect(refused(documents)).rejects.toMatchObject({ code: "DOCUMENT_EXISTS" });
      await increment(documents, "things/a");
    });
    await Promise.all(all);
    await look();

    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(200);
    expect((await documents.get("things/a")).version).toBe(200);
    expect((await documents.get("things/beside")).version).toBe(0);
  });
});

/** Writes one document and then one that is there already. */
function refused(documents: Documents): Promise<void> {
  return documents.transaction(async (tx) => {
    tx.create("things/beside", {});
    tx.create("things/taken", {});
  });
}

function insert(prepare: Prepare, key: string): unknown {
  return prepare("INSERT INTO t VALUES (?)").run([key]);
}
