import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { type AuditEntry, type Change, commitChange } from "./change.ts";
import type { OutboxDocument } from "./outbox.ts";
import {
  type MovableClock,
  memoryDocuments,
  movableClock,
  type RecordedTopics,
  recordedTopics,
} from "./served.fixture.ts";

const org = { slug: "Acme", key: "acme", orgId: "org_1" };
const entry: AuditEntry = {
  org,
  actorKind: "key",
  apiKeyId: "key_1",
  userId: null,
  action: "thing.made",
  operation: "CREATE",
  resourceType: "thing",
  resourceId: "t1",
  details: null,
  ipAddress: "203.0.113.7",
  userAgent: "test",
  requestId: "req_1",
  status: "SUCCESS",
  errorMessage: null,
};

let clock: MovableClock;
let documents: Documents;
let topics: RecordedTopics;
let written: Map<string, Record<string, unknown>>;

beforeEach(() => {
  clock = movableClock();
  written = new Map();
  documents = recorded(memoryDocuments(clock));
  topics = recordedTopics();
});

afterEach(() => documents.close());

/** Keeps what the last run of a committed body created. */
function recorded(inner: Documents): Documents {
  return {
    ...inner,
    transaction: async (body) => {
      let created = new Map<string, Record<string, unknown>>();
      const result = await inner.transaction((tx) => {
        created = new Map();
        return body({
          ...tx,
          create: (path, document) => {
            tx.create(path, document);
            created.set(path, { ...(document as Record<string, unknown>) });
          },
        });
      });
      for (const [path, document] of created) written.set(path, document);
      return result;
    },
  };
}

function commit<R>(body: (change: Change) => Promise<R>): Promise<R> {
  return commitChange(body, { documents, topics, clock, ids: systemIds });
}

async function doEverything(change: Change): Promise<string> {
  await change.get("things/t1");
  change.set("things/t1", { name: "thing" });
  change.publish({ topic: "t", payload: { run: 1 }, attributes: { kind: "x" } }, org);
  change.history({ table: "org_profiles", operation: "CREATE", version: 1, row: { org_slug: "Acme" } });
  change.history({ table: "org_profiles", operation: "UPDATE", version: 2, row: { org_slug: "Acme" } });
  change.journal("acme_test", "published_batches", [{ batch_id: "b1" }, { batch_id: "b2" }]);
  change.audit(entry);
  return "answer";
}

function outbox(): OutboxDocument[] {
  return [...written].flatMap(([path, body]) =>
    path.startsWith("outbox/") ? [body as unknown as OutboxDocument] : [],
  );
}

function under(prefix: string): [string, Record<string, unknown>][] {
  return [...written].filter(([path]) => path.startsWith(prefix));
}

describe("a change", () => {
  it("commits state, message, history and one audit row together", async () => {
    expect(await commit(doEverything)).toBe("answer");

    expect((await documents.get("things/t1")).body).toEqual({ name: "thing" });
    expect(topics.published).toEqual([{ topic: "t", payload: { run: 1 }, attributes: { kind: "x" } }]);
    const audits = under("orgs/acme/audit/");
    expect(audits.map(([, body]) => body)).toEqual(
      [{ ...entry, org: undefined, expireAt: "2027-09-14T12:00:00.000Z" }].map(({ org: _org, ...rest }) => rest),
    );
    const history = outbox().filter(({ topic }) => topic === "history");
    const tables = history
      .map(({ payload }) => payload as { table: string; rows: unknown[] })
      .map((each) => [each.table, each.rows.length]);
    expect(tables.sort()).toEqual([
      ["org_audit_logs", 1],
      ["org_profiles", 2],
      ["published_batches", 2],
    ]);
    expect(outbox().find(({ topic }) => topic === "t")).toMatchObject({ org: "acme", payload: { run: 1 } });
  });

  it("gives every row its event, its version and the instant of the change", async () => {
    await commit(doEverything);

    const rows = outbox().flatMap(({ topic, payload }) => {
      const { table, rows: found } = payload as { table: string; rows: Record<string, unknown>[] };
      return topic === "history" && table === "org_profiles" ? found : [];
    });
    expect(rows.map(({ version, operation, recorded_at }) => [version, operation, recorded_at])).toEqual([
      [1, "CREATE", "2026-08-10T12:00:00.000Z"],
      [2, "UPDATE", "2026-08-10T12:00:00.000Z"],
    ]);
    expect(new Set(rows.map(({ event_id }) => event_id)).size).toBe(2);
  });

  it("that fails leaves nothing: no state, no message, no history, no audit row", async () => {
    const failing = commit(async (change) => {
      await doEverything(change);
      throw new Error("at the very end");
    });

    await expect(failing).rejects.toThrow("at the very end");
    expect((await documents.get("things/t1")).body).toBeUndefined();
    expect([written.size, topics.published.length]).toEqual([0, 0]);
  });

  it("that loses a race leaves nothing", async () => {
    await commit(async (change) => change.create("things/t1", {}));
    written.clear();

    const second = commit(async (change) => {
      change.create("things/t1", {});
      change.publish({ topic: "t", payload: 2, attributes: {} });
      change.audit(entry);
    });

    await expect(second).rejects.toMatchObject({ code: "DOCUMENT_EXISTS" });
    expect([written.size, topics.published.length]).toEqual([0, 0]);
  });

  it("publishes nothing before it has committed", async () => {
    let seenInside = -1;

    await commit(async (change) => {
      change.publish({ topic: "t", payload: 1, attributes: {} });
      seenInside = topics.published.length;
    });

    expect([seenInside, topics.published.length]).toEqual([0, 1]);
  });

  it.each([
    ["a payload above 256 KiB", { payload: "x".repeat(262_145), attributes: {} }, "MESSAGE_TOO_LARGE"],
    ["an attribute above 1 KiB", { payload: 1, attributes: { traceparent: "x".repeat(1025) } }, "MESSAGE_MALFORMED"],
  ])("is refused when no bus would ever take its message: %s", async (_what, sent, code) => {
    const refused = commit(async (change) => {
      change.publish({ topic: "t", ...sent });
    });

    await expect(refused).rejects.toMatchObject({ code });
    expect(written.size).toBe(0);
  });

  it("writes the platform's own audit rows apart from every organization's", async () => {
    await commit(async (change) => change.audit({ ...entry, org: undefined }));

    expect([under("platformAudit/").length, under("orgs/").length]).toEqual([1, 0]);
    const [row] = outbox().flatMap(({ payload }) => (payload as { rows: Record<string, unknown>[] }).rows);
    expect(row).toMatchObject({ org_slug: "_platform", action: "thing.made", request_id: "req_1" });
  });
});
