import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inTurn } from "./turn.ts";

const org: OrgIdentity = { slug: "acme", key: "acme", orgId: "org_01" };
const path = "orgs/acme/quota/turn";

describe("a turn", () => {
  let documents: Documents;
  let now: number;
  const ports = () => ({ documents, ids: systemIds });
  beforeEach(() => {
    now = Date.parse("2026-05-05T10:00:00Z");
    const declared = async () => declareQueries([]);
    documents = sqliteDocuments({ file: ":memory:", clock: { now: () => new Date(now) }, declared });
  });
  afterEach(() => documents.close());

  const hold = (holder: string) =>
    documents.transaction(async (tx) => {
      await tx.get(path);
      tx.set(path, { holder, until: new Date(now + 3_000).toISOString() });
    });

  it("is had by one at a time, and by everybody in the end", async () => {
    let atWork = 0;
    let most = 0;
    const work = async (number: number): Promise<number> => {
      atWork += 1;
      most = Math.max(most, atWork);
      await documents.get("things/any");
      atWork -= 1;
      return number;
    };

    const results = await Promise.all([0, 1, 2, 3].map((number) => inTurn(org, () => work(number), ports())));

    expect(results).toEqual([0, 1, 2, 3]);
    expect(most).toBe(1);
  });

  it("does not wait for another organization's", async () => {
    await hold("turn_other");

    expect(await inTurn({ ...org, key: "globex" }, async () => "done", ports())).toBe("done");
  });

  it("is given back after work that failed, and its error is the work's", async () => {
    const failing = inTurn(org, async () => Promise.reject(new RangeError("no")), ports());

    await expect(failing).rejects.toThrow(RangeError);
    expect((await documents.get(path)).version).toBe(0);
  });

  it("of a process that crashed ends by the store's time", async () => {
    await hold("turn_crashed");
    const get = vi.spyOn(documents, "get");
    let isDone = false;
    const working = inTurn(org, async () => "done", ports()).then((result) => {
      isDone = true;
      return result;
    });
    await vi.waitUntil(() => get.mock.calls.length >= 2);
    const wasDone = isDone;

    now += 3_000;

    expect(await working).toBe("done");
    expect(wasDone).toBe(false);
  });

  it("that ran out under the work is left to who has it now", async () => {
    await inTurn(org, () => hold("turn_next"), ports());

    expect((await documents.get(path)).body).toMatchObject({ holder: "turn_next" });
  });
});
