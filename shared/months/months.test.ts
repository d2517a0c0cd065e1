import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { goldenPublications } from "#shared/costs/golden-charges.fixture.ts";
import { freshStores, type Publication, publish, type Stores } from "#shared/costs/publication.fixture.ts";
import { readSummary } from "#shared/costs/read-summary.ts";
import { entityPath } from "#shared/hierarchy/hierarchy-store.ts";
import { looseBatchesPath } from "#shared/ledger/loose-batches.ts";
import { storeRates } from "#shared/money/fx.fixture.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { openQuarantinesPath } from "#shared/quarantine/quarantine.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { createAdjustment } from "./adjust.ts";
import { listAdjustments } from "./adjustments-read.ts";
import { closeCosts } from "./close.ts";
import type { MonthState } from "./month-state.ts";
import { listMonths, readMonth } from "./months-read.ts";
import { reopenCosts } from "./reopen.ts";

const caller = { kind: "root" as const, credentialId: "root" as const };
const config = await readConfiguration({ ENVIRONMENT: "test" });
let stores: Stores;

beforeEach(async () => {
  stores = await freshStores({ now: "2026-03-05T06:00:00Z" });
  await storeRates(stores.documents, {
    "2026-02-27": { USD: "1.0800" },
    "2026-03-02": { USD: "1.0850" },
    "2026-03-03": { USD: "1.0820" },
    "2026-03-04": { USD: "1.0900" },
  });
  for (const publication of goldenPublications()) await publish(stores, withoutAdjustments(publication));
});
afterEach(() => stores.close());

/** The golden rows but g21, which the platform books itself here. */
function withoutAdjustments(publication: Publication): Publication {
  return { ...publication, charges: publication.charges.filter(({ charge }) => charge !== "Adjustment") };
}

const ports = () => ({ ...stores, config, topics: inProcessTopics({}), ids: systemIds });
function effects<T>(): Effects<T> {
  return {
    commit: (body) => commitChange(body, ports()),
    prepare: async () => {},
    conclude: () => {},
    audit: () => {},
  };
}

const close = (
  month = "2026-02",
  body: { accept_incomplete?: boolean; expected_version?: number; note?: string } = {},
) =>
  closeCosts(
    { org: stores.org, caller, month, body: { accept_incomplete: true, ...body } },
    effects<MonthState>(),
    ports(),
  );
const reopen = (body: { expected_version?: number } = {}) =>
  reopenCosts({ org: stores.org, month: "2026-02", body: { reason: "credit note", ...body } }, effects<MonthState>());
const adjust = (body: { amount: string; effective_date?: string; entity_id?: string }) =>
  createAdjustment(
    {
      org: stores.org,
      caller,
      month: "2026-02",
      body: { currency: "USD", provider: "gcp", service: "Compute Engine", reason: "credit note 7", ...body },
    },
    effects(),
    ports(),
  );
const total = async (start_date: string, end_date: string): Promise<string> =>
  (await readSummary({ org: stores.org, query: { start_date, end_date } }, ports())).total_cost;
const february = () => total("2026-02-01", "2026-02-28");
const march = () => total("2026-03-01", "2026-03-31");
/** p03 says 19.25 now. */
const restate = () =>
  publish(stores, {
    pipelineId: "gcp-cost-daily",
    charges: [{ provider: "gcp", category: "cloud", day: "2026-02-03", service: "Compute Engine", billed: "19.25" }],
    fence: 9,
  });
const refusal = (code: string, extra = {}) => expect.objectContaining({ code, ...extra });

describe("a month (costs.md 6 and 11)", () => {
  it("is closed at 135.00, corrected by -0.75 in March, and reopened at 134.25 with the same sum", async () => {
    const before = await march();
    await close();
    await restate();

    expect([await february(), before, await march()]).toEqual(["135.00", "144.554932931508", "143.804932931508"]);
    expect(await readMonth(stores.org, "2026-02", ports())).toMatchObject({
      status: "closed",
      totals: [{ currency: "USD", billed: "135.00", effective: "135.00" }],
      closed_by: "root",
      close_count: 1,
      adjustments_count: 1,
      adjustment_totals: [{ currency: "USD", billed: "-0.75", effective: "-0.75" }],
      held_batches: 1,
    });

    expect(await reopen()).toMatchObject({ status: "settling", closed_at: null, close_count: 1 });
    expect([await february(), await march()]).toEqual(["134.25", "144.554932931508"]);
    expect(await readMonth(stores.org, "2026-02", ports())).toMatchObject({ adjustments_count: 0, held_batches: 0 });
  });

  it("is closed once, however many ask at the same time", async () => {
    const asked = await Promise.allSettled(Array.from({ length: 12 }, () => close()));

    expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const refused = asked.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
    expect(refused).toEqual(Array.from({ length: 11 }, () => "MONTH_CLOSED"));
  });

  it("is not closed before it is over, at another version, or while something of it is missing", async () => {
    await expect(close("2026-03")).rejects.toEqual(refusal("MONTH_OPEN"));
    await expect(close("2026-02", { expected_version: 0 })).rejects.toEqual(refusal("VERSION_CONFLICT"));
    await expect(close("2026-13")).rejects.toEqual(refusal("MONTH_NOT_FOUND"));
    const item = { pipelineId: "p", source: "s", days: ["2026-02-03"], expiresAt: "2026-04-01T00:00:00.000Z" };
    await stores.documents.transaction(async (tx) =>
      tx.create(openQuarantinesPath(stores.org.key), { items: { qua_1: item } }),
    );

    const extra = { missing_days: 0, quarantined: 1, unpriced: 0, unconverted: 0 };
    await expect(close("2026-02", { accept_incomplete: false })).rejects.toEqual(
      refusal("MONTH_INCOMPLETE", { extra }),
    );
    expect((await close("2026-02", { note: "as agreed" })).note).toBe("as agreed");
  });

  it("is reopened only when it is closed, at the expected version", async () => {
    await expect(reopen()).rejects.toEqual(refusal("MONTH_NOT_CLOSED"));
    await close();
    await expect(reopen({ expected_version: 0 })).rejects.toEqual(refusal("VERSION_CONFLICT"));
  });

  it("is listed with its neighbours, the newest first", async () => {
    const { months } = await listMonths({ org: stores.org, query: { from: "2026-01", to: "2026-03" } }, ports());

    expect(months.map(({ month, status, record_count: rows }) => [month, status, rows])).toEqual([
      ["2026-03", "open", 23],
      ["2026-02", "settling", 4],
      ["2026-01", "settling", 0],
    ]);
    // g19 was 5.50 first.
    expect(months[0]?.restatements_last_7_days).toBe(0);
    const long = listMonths({ org: stores.org, query: { from: "2021-01", to: "2026-03" } }, ports());
    await expect(long).rejects.toEqual(refusal("RANGE_TOO_LONG"));
    const wrong = listMonths({ org: stores.org, query: { from: "2026-3" } }, ports());
    await expect(wrong).rejects.toEqual(refusal("INVALID_DATE"));
  });
});

describe("a person's adjustment", () => {
  it("stands in an open month beside what late data corrects, and stays when the month is reopened", async () => {
    await close();
    const before = await march();
    const entity = { entityId: "TEAM-CORE", isActive: true };
    await stores.documents.transaction(async (tx) => tx.create(entityPath(stores.org, "TEAM-CORE"), entity));

    const row = await adjust({ amount: "-12.5", effective_date: "2026-03-04", entity_id: "team-core" });

    expect(row).toMatchObject({ kind: "manual", amount: "-12.50", effective_date: "2026-03-04", state: "open" });
    expect([await february(), before, await march()]).toEqual(["135.00", "144.554932931508", "132.054932931508"]);
    await restate();
    const { adjustments } = await listAdjustments({ org: stores.org, month: "2026-02", query: { limit: 50 } }, stores);
    expect(adjustments.map(({ kind, amount, reason, corrects_day }) => [kind, amount, reason, corrects_day])).toEqual([
      ["manual", "-12.50", "credit note 7", null],
      ["automatic", "-0.75", null, "2026-02-03"],
    ]);

    await reopen();
    expect([await february(), await march()]).toEqual(["134.25", "132.054932931508"]);
    const left = await listAdjustments({ org: stores.org, month: "2026-02", query: { limit: 50 } }, stores);
    expect(left.adjustments.map(({ kind }) => kind)).toEqual(["manual"]);
  });

  it("is refused for a month that is open, onto a closed month, and for no amount", async () => {
    await expect(adjust({ amount: "1" })).rejects.toEqual(refusal("MONTH_NOT_CLOSED"));
    await close();

    await expect(adjust({ amount: "1", effective_date: "2026-02-20" })).rejects.toEqual(refusal("MONTH_CLOSED"));
    await expect(adjust({ amount: "0.00" })).rejects.toEqual(refusal("INVALID_PARAMETER"));
    await expect(adjust({ amount: "1", effective_date: "2026-03-06" })).rejects.toEqual(refusal("INVALID_DATE"));
    await expect(adjust({ amount: "1", entity_id: "NOBODY" })).rejects.toEqual(refusal("HIERARCHY_ENTITY_UNKNOWN"));
    expect(await march()).toBe("144.554932931508");
    // A batch is noted before it is written.
    const written = await stores.documents.list({
      collection: looseBatchesPath(stores.org.key),
      filters: [{ field: "dueAt", is: "<=", value: "9999" }],
      orderBy: [{ field: "dueAt", direction: "asc" }],
      limit: 10,
    });
    expect(written.documents).toEqual([]);
  });

  it("is listed page by page, under cursors of this organization alone", async () => {
    await close();
    for (const day of ["2026-03-02", "2026-03-01", "2026-03-03"]) await adjust({ amount: "1", effective_date: day });
    const page = (cursor?: string) =>
      listAdjustments(
        { org: stores.org, month: "2026-02", query: { limit: 2, ...(cursor ? { cursor } : {}) } },
        stores,
      );

    const first = await page();
    const second = await page(first.next_cursor ?? "");

    const days = [...first.adjustments, ...second.adjustments].map(({ effective_date: day }) => day);
    expect([days, second.next_cursor]).toEqual([["2026-03-01", "2026-03-02", "2026-03-03"], null]);
    const foreign = Buffer.from(`other|2026-03-01 ${"0".repeat(32)}`).toString("base64url");
    await expect(page(foreign)).rejects.toEqual(refusal("INVALID_CURSOR"));
  });
});
