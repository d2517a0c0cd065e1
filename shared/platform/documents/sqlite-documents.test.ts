import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import fc from "fast-check";
import Database from "libsql";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { allPages, increment } from "./contract-store.ts";
import { declareQueries } from "./declared-queries.ts";
import { contractQueries, documentsContract } from "./documents.contract.ts";
import type { Documents, Query } from "./documents.ts";
import { sqliteDocuments } from "./sqlite-documents.ts";
import { indexStatement, pageStatement } from "./sqlite-query.ts";

const declared = async () => contractQueries;

documentsContract("SQLite in memory, every body run twice", async () => {
  const documents = sqliteDocuments({ file: ":memory:", clock: systemClock, declared, runBodiesTwice: true });
  return { documents, close: () => documents.close() };
});

documentsContract("SQLite in a file, every body run twice", async () => {
  const folder = await mkdtemp(join(tmpdir(), "documents-"));
  const file = join(folder, "state", "documents.db");
  const documents = sqliteDocuments({ file, clock: systemClock, declared, runBodiesTwice: true });
  return {
    documents,
    close: async () => {
      await documents.close();
      await rm(folder, { recursive: true });
    },
  };
});

describe("SQLite transactions", () => {
  it("runs every body twice when asked, and writes once", async () => {
    const documents = sqliteDocuments({ file: ":memory:", clock: systemClock, declared, runBodiesTwice: true });
    let runs = 0;

    await documents.transaction(async (tx) => {
      runs += 1;
      tx.create("things/a", {});
    });

    expect(runs).toBe(2);
    expect((await documents.get("things/a")).version).toBe(1);
  });

  it("answers reads outside while a body is still running", async () => {
    const documents = sqliteDocuments({ file: ":memory:", clock: systemClock, declared });
    let finish: (() => void) | undefined;
    const running = documents.transaction(async (tx) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      tx.create("things/a", {});
    });

    const during = await documents.get("things/a");
    await expect.poll(() => finish).toBeTypeOf("function");
    finish?.();
    await running;

    expect(during.version).toBe(0);
    expect((await documents.get("things/a")).version).toBe(1);
  });

  it("finishes what was begun before it closes, and refuses what comes after", async () => {
    const documents = sqliteDocuments({ file: ":memory:", clock: systemClock, declared });
    const begun = increment(documents, "things/a");

    await documents.close();

    await begun;
    await expect(documents.get("things/a")).rejects.toMatchObject({ code: "DOCUMENTS_UNAVAILABLE", retryable: true });
  });

  it("takes read times, createdAt and updatedAt from the clock", async () => {
    let now = new Date("2028-02-29T23:59:59.999Z");
    const documents = sqliteDocuments({ file: ":memory:", clock: { now: () => now }, declared });
    await increment(documents, "things/a");
    now = new Date("2028-03-01T00:00:00.000Z");
    await increment(documents, "things/a");

    expect(await documents.get("things/a")).toMatchObject({
      createdAt: "2028-02-29T23:59:59.999Z",
      updatedAt: "2028-03-01T00:00:00.000Z",
      readAt: now,
    });
  });

  it("removes expired documents a day late, as Firestore may, and no other", async () => {
    let now = new Date("2026-01-01T00:00:00.000Z");
    const documents = sqliteDocuments({ file: ":memory:", clock: { now: () => now }, declared });
    const versions = async () =>
      (await documents.getAll(["things/soon", "things/later", "things/never"])).map((one) => one.version);
    await documents.transaction(async (tx) => {
      tx.create("things/soon", { expireAt: "2026-01-01T01:00:00Z" });
      tx.create("things/later", { expireAt: "2026-01-03T00:00:00.000Z" });
      tx.create("things/never", { a: 1 });
    });

    now = new Date("2026-01-02T00:59:00.000Z");
    await increment(documents, "things/x");
    const before = await versions();
    now = new Date("2026-01-02T01:01:00.000Z");
    await increment(documents, "things/x");

    expect(before).toEqual([1, 1, 1]);
    expect(await versions()).toEqual([0, 1, 1]);
  });

  it("gives the same list whatever the page size", async () => {
    const documents = sqliteDocuments({ file: ":memory:", clock: systemClock, declared });
    const value = fc.option(fc.constantFrom(-1, 0, 2.5, "", "a", "ä", "b"), { nil: null });
    let round = 0;

    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ rank: value, name: value })),
        fc.integer({ min: 1, max: 5 }),
        async (rows, limit) => {
          const kind = `k${++round}`;
          await documents.transaction(async (tx) => {
            for (const [index, row] of rows.entries()) tx.create(`things/${kind}-${index}`, { kind, ...row });
          });
          const query: Query = {
            collection: "things",
            filters: [{ field: "kind", is: "==", value: kind }],
            orderBy: [
              { field: "rank", direction: "asc" },
              { field: "name", direction: "desc" },
            ],
            limit,
          };

          const whole = await documents.list({ ...query, limit: 1_000 });
          const pages = await allPages(documents, query);

          expect(whole.documents).toHaveLength(rows.length);
          expect(pages.flatMap((page) => page.documents.map((found) => found.path))).toEqual(
            whole.documents.map((found) => found.path),
          );
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("SQLite indexes", () => {
  it.each(contractQueries.queries.map((query) => [JSON.stringify(query), query] as const))(
    "answers from an index, without sorting: %s",
    (_, query) => {
      const database = new Database(":memory:");
      database.exec(
        "CREATE TABLE documents (path TEXT PRIMARY KEY, collection, body, version, created_at, updated_at) WITHOUT ROWID",
      );
      database.exec(indexStatement("wanted", query));
      const ordered = query.orderBy.map((order) => order.field);
      const filters = query.filters.map(
        (field) => ({ field, is: ordered.includes(field) ? ">=" : "==", value: "x" }) as const,
      );
      const asked = { collection: query.collection.replace("*", "acme"), filters, orderBy: query.orderBy, limit: 10 };

      const { sql, values } = pageStatement(query, asked);
      const plan = JSON.stringify(database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all([...values]));

      expect(plan).toContain("USING INDEX wanted (collection=?");
      expect(plan).not.toContain("TEMP B-TREE");
    },
  );

  it("follow the declarations when a store is opened again", async () => {
    const folder = mkdtempSync(join(tmpdir(), "documents-"));
    const file = join(folder, "documents.db");
    const query: Query = { collection: "things", orderBy: [{ field: "rank", direction: "asc" }], limit: 5 };
    const first = sqliteDocuments({ file, clock: systemClock, declared });
    await first.transaction(async (tx) => tx.create("things/a", { rank: 1 }));
    await first.close();

    const only = declareQueries([{ collection: "things", filters: [], orderBy: ["rank asc"] }]);
    const second = sqliteDocuments({ file, clock: systemClock, declared: async () => only });
    const found = await second.list(query);
    await second.close();
    const database = new Database(file);
    const names = database.prepare("SELECT name FROM sqlite_master WHERE name LIKE 'declared_%'").all([]);
    database.close();
    rmSync(folder, { recursive: true });

    expect(found.documents.map((document) => document.path)).toEqual(["things/a"]);
    expect(names).toHaveLength(1);
  });
});

describe("SQLite and processes", () => {
  let folder = "";
  let script = "";
  const children: ChildProcess[] = [];
  const opened: Documents[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "documents-"));
    script = join(folder, "committer.cjs");
    await build({
      stdin: { contents: committer, resolveDir: import.meta.dirname, loader: "ts" },
      outfile: script,
      bundle: true,
      platform: "node",
      format: "cjs",
      packages: "external",
      // `require` finds the native package by NODE_PATH, `import` would not.
      supported: { "dynamic-import": false },
      logLevel: "silent",
    });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await Promise.all(opened.splice(0).map((documents) => documents.close()));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A process that increments `things/counter` for ever and prints each count once it is acknowledged, or does as told. */
  function startCommitter(file: string, task = "count") {
    const env = { ...process.env, NODE_PATH: fileURLToPath(new URL("../../../node_modules", import.meta.url)) };
    const child = spawn(process.execPath, [script, file, task], { env, stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    return { child, lines: createInterface({ input: child.stdout }) };
  }

  function open(file: string): Documents {
    const documents = sqliteDocuments({ file, clock: systemClock, declared });
    opened.push(documents);
    return documents;
  }

  it("lose nothing acknowledged to kill -9, and the file opens again at once", async () => {
    const file = join(folder, "killed.db");
    let acknowledged = 0;

    for (let round = 1; round <= 3; round += 1) {
      const { child, lines } = startCommitter(file);
      lines.on("line", (line) => {
        acknowledged = Number(line);
        if (acknowledged >= round * 50) child.kill("SIGKILL");
      });
      await once(lines, "close");
      const documents = open(file);
      const { body, version } = await documents.get<{ count: number }>("things/counter");
      await documents.close();

      expect(acknowledged).toBeGreaterThanOrEqual(round * 50);
      expect(body?.count).toBeGreaterThanOrEqual(acknowledged);
      expect(body?.count).toBeLessThanOrEqual(acknowledged + 1);
      expect(version).toBe(body?.count);
    }
  });

  it("show nothing to readers outside that kill -9 could take back", async () => {
    const file = join(folder, "seen.db");
    const { child } = startCommitter(file, "look");
    await once(child, "exit");

    const { body } = await open(file).get<{ count: number }>("things/counter");

    expect(child.signalCode).toBe("SIGKILL");
    expect(body?.count).toBe(1);
  });

  it("share no file: the second is told what to do, and may open it when the first is gone", async () => {
    const file = join(folder, "shared.db");
    const { child, lines } = startCommitter(file);
    await once(lines, "line");
    const documents = open(file);

    const refused = await documents.get("things/counter").catch((error: unknown) => error);
    child.kill("SIGKILL");
    await once(child, "exit");

    expect(refused).toMatchObject({ code: "DOCUMENTS_LOCKED", retryable: false });
    expect(String(refused)).toContain("Stop the other process");
    expect((await documents.get("things/counter")).version).toBeGreaterThan(0);
  });
});

const committer = `
import { writeSync } from "node:fs";
import { systemClock } from "../clock.ts";
import { declareQueries } from "./declared-queries.ts";
import { sqliteDocuments } from "./sqlite-documents.ts";

const documents = sqliteDocuments({ file: process.argv[2], clock: systemClock, declared: async () => declareQueries([]) });
function increment() {
  return documents.transaction(async (tx) => {
    const { body } = await tx.get("things/counter");
    const count = (body?.count ?? 0) + 1;
    tx.set("things/counter", { count });
    return count;
  });
}
async function commitForEver() {
  for (;;) writeSync(1, (await increment()) + "\\n");
}
async function endWhenSeen() {
  await documents.get("things/counter");
  void increment();
  while ((await documents.get("things/counter")).version === 0);
  process.kill(process.pid, "SIGKILL");
}
if (process.argv[3] === "look") endWhenSeen();
else commitForEver();
`;
