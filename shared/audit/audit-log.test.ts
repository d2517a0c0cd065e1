import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { type AuditEntry, commitRecord } from "#shared/runtime/change.ts";
import { type MovableClock, memoryDocuments, movableClock } from "#shared/runtime/served.fixture.ts";
import { type AuditQuery, auditLog } from "./audit-log.ts";
import { auditOf } from "./audit-sources.ts";

const org = { slug: "Acme", key: "acme", orgId: "org_1" };
const hourMilliseconds = 3_600_000;

let clock: MovableClock;
let documents: Documents;

/** Twelve rows, one an hour from 2026-08-10T12:00Z on. */
beforeEach(async () => {
  clock = movableClock();
  documents = memoryDocuments(clock);
  for (let at = 0; at < 12; at++) {
    await audited({
      action: at % 2 === 0 ? "thing.made" : "thing.removed",
      operation: at % 2 === 0 ? "CREATE" : "DELETE",
      resourceType: at % 3 === 0 ? "budget" : "alert",
      resourceId: `t${at}`,
      status: at % 4 === 0 ? "DENIED" : "SUCCESS",
      userId: at < 6 ? "usr_1" : null,
    });
    clock.advance(hourMilliseconds);
  }
});

afterEach(() => documents.close());

function audited(change: Partial<AuditEntry>): Promise<void> {
  const entry: AuditEntry = {
    org,
    actorKind: "key",
    apiKeyId: "key_1",
    userId: null,
    action: "thing.made",
    operation: "CREATE",
    resourceType: "thing",
    resourceId: null,
    details: null,
    ipAddress: null,
    userAgent: null,
    requestId: null,
    status: "SUCCESS",
    errorMessage: null,
    ...change,
  };
  return commitRecord(async (change) => change.audit(entry), { documents, clock, ids: systemIds });
}

async function ask(query: Partial<AuditQuery>) {
  const answer = await auditLog(auditOf(org), { limit: 100, ...query }, documents);
  return { ...answer, ids: answer.logs.map(({ resource_id }) => Number(resource_id?.slice(1))) };
}

describe("the audit log (organizations.md 9)", () => {
  it("is newest first, with all that a row says", async () => {
    const { ids, total_count, logs } = await ask({});

    expect(ids).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(total_count).toBe(12);
    expect(logs.at(-1)).toMatchObject({
      audit_id: expect.stringMatching(/^aud_/),
      org_slug: "Acme",
      api_key_id: "key_1",
      action: "thing.made",
      operation: "CREATE",
      created_at: "2026-08-10T12:00:00.000Z",
    });
  });

  it.each<[string, Partial<AuditQuery>, number[]]>([
    ["an action", { action: "thing.made" }, [10, 8, 6, 4, 2, 0]],
    ["an operation, in any case", { action: "delete" }, [11, 9, 7, 5, 3, 1]],
    ["a kind of thing", { resource_type: "budget" }, [9, 6, 3, 0]],
    ["a status", { status: "DENIED" }, [8, 4, 0]],
    ["a person", { user_id: "usr_1" }, [5, 4, 3, 2, 1, 0]],
    ["several at once", { action: "CREATE", resource_type: "budget", status: "DENIED", user_id: "usr_1" }, [0]],
    ["a day", { start_date: "2026-08-11", end_date: "2026-08-11" }, []],
    ["up to a day, it included", { end_date: "2026-08-10", action: "delete" }, [11, 9, 7, 5, 3, 1]],
    ["an action that nobody took", { action: "thing.lost" }, []],
  ])("is narrowed by %s", async (_what, query, expected) => {
    const { ids, total_count, has_more } = await ask(query);

    expect([ids, total_count, has_more]).toEqual([expected, expected.length, false]);
  });

  it.each([{}, { status: "SUCCESS" as const, user_id: "usr_1" }])(
    "is walked to its end by cursor and by offset alike: %j",
    async (filters) => {
      const { ids: all } = await ask(filters);

      const walked: number[] = [];
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof ask>> = await ask({
          ...filters,
          limit: 2,
          ...(cursor === null ? {} : { cursor }),
        });
        walked.push(...page.ids);
        cursor = page.next_cursor;
      } while (cursor !== null);
      const offsets: number[] = [];
      for (let offset = 0; offset < all.length + 2; offset += 2)
        offsets.push(...(await ask({ ...filters, limit: 2, offset })).ids);

      expect([walked, offsets]).toEqual([all, all]);
    },
  );

  it("refuses dates in the wrong order, a foreign cursor, and cursor beside offset", async () => {
    const refused = (query: Partial<AuditQuery>) => expect(ask(query)).rejects;

    await refused({ start_date: "2026-08-11", end_date: "2026-08-10" }).toMatchObject({ code: "INVALID_DATE_RANGE" });
    await refused({ cursor: "e30" }).toMatchObject({ code: "CURSOR_INVALID" });
    await refused({ cursor: "e30", offset: 1 }).toMatchObject({ code: "INVALID_PARAMETER" });
  });

  it("keeps a row 400 days, however late the store forgets it", async () => {
    clock.advance(399 * 24 * hourMilliseconds);
    const before = (await ask({})).ids.length;
    clock.advance(2 * 24 * hourMilliseconds);

    expect([before, (await ask({})).ids.length]).toEqual([12, 0]);
  });

  it("names no secret, and no more than 8 KiB of details", async () => {
    const apiKey = `acme_api_${"a".repeat(36)}`;
    await audited({ details: { api_key: "s3cret", note: `key ${apiKey}`, deep: [{ refresh_token: "t" }], name: "n" } });
    await audited({ details: { note: "x".repeat(9_000) } });

    const [long, secret] = (await ask({ limit: 2 })).logs;

    expect(secret?.details).toEqual({
      api_key: "[secret]",
      note: "key [secret]",
      deep: [{ refresh_token: "[secret]" }],
      name: "n",
    });
    expect(long?.details).toEqual({ omitted: "9011 bytes of details" });
  });
});
