import { afterEach, beforeEach, expect, it } from "vitest";
import { goldenPublications } from "#shared/costs/golden-charges.fixture.ts";
import { type Charge, freshStores, publish, type Stores } from "#shared/costs/publication.fixture.ts";
import { readSummary } from "#shared/costs/read-summary.ts";
import type { CostSummary } from "#shared/costs/summary-schema.ts";
import type { JournalDocument } from "#shared/ledger/publish.ts";
import { storeRates } from "#shared/money/fx.fixture.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { costByHierarchy } from "#shared/rollup/by-hierarchy.ts";
import { rollup } from "#shared/rollup/rollup.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { closeCosts } from "./close.ts";
import { reopenCosts } from "./reopen.ts";

const config = await readConfiguration({ ENVIRONMENT: "test" });
const caller = { kind: "root" as const, credentialId: "root" as const };
const march = { start_date: "2026-03-01", end_date: "2026-03-04" };
const february = { start_date: "2026-02-01", end_date: "2026-02-28" };
let time: { now: string };
let stores: Stores;

beforeEach(async () => {
  time = { now: "2026-03-04T06:00:00.000Z" };
  stores = await freshStores(time);
});
afterEach(() => stores.close());

const ports = () => ({ ...stores, config, topics: inProcessTopics({}), ids: systemIds });
const effects = <T>(): Effects<T> => ({
  commit: (body) => commitChange(body, ports()),
  prepare: async () => {},
  conclude: () => {},
  audit: () => {},
});
const summary = (query: Parameters<typeof readSummary>[0]["query"]): Promise<CostSummary> =>
  readSummary({ org: stores.org, query }, ports());
const euros = (day: string, billed: string): Charge => ({
  ...{ provider: "gcp", category: "cloud", service: "Storage", currency: "EUR" },
  ...{ day, billed },
});
const pulled = (charges: Charge[], fence = 1) =>
  publish(stores, { pipelineId: "gcp-cost-billing", charges, fence, isJournalled: true });
const closed = () =>
  closeCosts({ org: stores.org, caller, month: "2026-02", body: { accept_incomplete: true } }, effects(), ports());
const reopened = () => reopenCosts({ org: stores.org, month: "2026-02", body: { reason: "late" } }, effects());

it("gives the number of the golden vector: g19 at 5.50, and no row of 03-04", async () => {
  const rates = { "2026-02-27": { USD: "1.0800" }, "2026-03-02": { USD: "1.0850" }, "2026-03-03": { USD: "1.0820" } };
  await storeRates(stores.documents, rates, { recordedAt: time.now });
  const restated = (charge: Charge): boolean => charge.provider === "openai" && charge.day === "2026-03-03";
  const publications = goldenPublications();
  for (const publication of publications) {
    const charges = publication.charges.filter(({ day }) => day < "2026-03-04");
    const before = charges.map((charge) => (restated(charge) ? { ...charge, billed: "5.50" } : charge));
    const emptyDays = (publication.emptyDays ?? []).filter((day) => day < "2026-03-04");
    await publish(stores, { ...publication, charges: before, emptyDays, isJournalled: true });
  }
  const { ledger_versions } = await summary(march);
  time.now = "2026-03-05T06:00:00.000Z";
  await storeRates(stores.documents, { "2026-03-04": { USD: "1.0900" } }, { recordedAt: time.now });
  for (const publication of publications) await publish(stores, { ...publication, fence: 2, isJournalled: true });

  const then = await summary({ ...march, as_of: "2026-03-04T12:00:00Z" });

  expect([(await summary(march)).total_cost, then.total_cost]).toEqual(["143.804932931508", "92.527261698631"]);
  expect(then).toMatchObject({ as_of: "2026-03-04T12:00:00.000Z", ledger_versions });
  expect(then.daily_trend.at(-1)).toMatchObject({ date: "2026-03-04", total_cost: "0.00" });
});

it("gives the same number in every read, a day being its end, as often as asked", async () => {
  await pulled([{ ...euros("2026-03-01", "10"), currency: "USD" }]);
  time.now = "2026-03-06T06:00:00.000Z";
  await pulled([{ ...euros("2026-03-01", "12"), currency: "USD" }], 2);
  const { org } = stores;

  for (const as_of of ["2026-03-04", "2026-03-05", "2026-03-06T05:59:59.999Z", "2026-03-06T07:59:59+02:00"]) {
    const query = { ...march, as_of };
    const said = [
      (await summary(query)).total_cost,
      (await costByHierarchy({ org, query }, ports())).total_cost,
      (await rollup({ org, query }, ports())).total,
    ];
    expect(said, as_of).toEqual(["10.00", "10.00", "10.00"]);
  }
  expect((await summary({ ...march, as_of: "2026-03-06T06:00:00Z" })).total_cost).toBe("12.00");
  expect((await summary({ ...march, as_of: "2026-03-06" })).as_of).toBe(time.now);
  expect(await summary(march)).toMatchObject({ total_cost: "12.00", as_of: null });
});

it("knows when a month was closed, and with which rates it was read", async () => {
  await storeRates(stores.documents, { "2026-02-10": { USD: "1.10" } }, { recordedAt: time.now });
  await pulled([euros("2026-02-10", "100")]);
  const at = async (now: string, work: () => Promise<unknown>): Promise<void> => {
    time.now = now;
    await work();
  };
  const corrected = (usd: string) =>
    storeRates(stores.documents, { "2026-02-10": { USD: usd } }, { force: true, recordedAt: time.now });
  await at("2026-03-05T06:00:00.000Z", closed);
  await at("2026-03-06T06:00:00.000Z", () => corrected("1.20"));
  await at("2026-03-07T06:00:00.000Z", reopened);
  await at("2026-03-08T06:00:00.000Z", () => corrected("1.30"));
  await at("2026-03-09T06:00:00.000Z", closed);
  await at("2026-03-10T06:00:00.000Z", () => corrected("1.40"));

  const said = async (day: number) =>
    (await summary({ ...february, as_of: `2026-03-${String(day).padStart(2, "0")}` })).total_cost;
  const days = [4, 5, 6, 7, 8, 9, 10];
  expect(await Promise.all(days.map(said))).toEqual([
    ...["110.00", "110.00", "110.00", "120.00", "130.00", "130.00", "130.00"],
  ]);
});

it("is refused before the organization was there, and beyond what is retained, with the earliest instant", async () => {
  const refused = (as_of: string) => summary({ ...march, as_of }).then(String, (error: unknown) => error);
  const earliest = "2026-01-01T00:00:00.000Z";
  expect(await refused("2025-12-31")).toMatchObject({ code: "AS_OF_NOT_RETAINED", extra: { earliest } });
  expect((await summary({ ...march, as_of: earliest })).total_cost).toBe("0.00");

  time.now = "2027-06-01T00:00:00.000Z";
  const gone = { code: "AS_OF_NOT_RETAINED", extra: { earliest: "2026-04-27T00:00:00.000Z" } };
  expect(await refused("2026-04-26T23:59:59.999Z")).toMatchObject(gone);
  expect((await summary({ ...march, as_of: "2026-04-27T00:00:00Z" })).total_cost).toBe("0.00");
});

it("is refused where a later change was journalled without what it replaced", async () => {
  await pulled([{ ...euros("2026-03-01", "10"), currency: "USD" }]);
  time.now = "2026-03-06T06:00:00.000Z";
  await pulled([{ ...euros("2026-03-01", "12"), currency: "USD" }], 2);
  await stores.documents.transaction(async (tx) => {
    const { documents } = await tx.list<JournalDocument>({
      collection: `orgs/${stores.org.key}/journal`,
      filters: [{ field: "month", is: "==", value: "2026-03" }],
      orderBy: [{ field: "recordedAt", direction: "desc" }],
      limit: 1,
    });
    for (const { path, body } of documents) {
      const days = body.days.map(({ replaced: _replaced, ...day }) => day);
      tx.set<JournalDocument>(path, { ...body, days });
    }
  });

  const asked = summary({ ...march, as_of: "2026-03-05" });
  await expect(asked).rejects.toMatchObject({ code: "AS_OF_NOT_RETAINED", extra: { earliest: time.now } });
  expect((await summary({ ...march, as_of: time.now })).total_cost).toBe("12.00");
  expect((await summary({ ...february, as_of: time.now })).total_cost).toBe("0.00");
});

it("is refused where a later change was not journalled at all", async () => {
  await pulled([{ ...euros("2026-03-01", "10"), currency: "USD" }]);
  time.now = "2026-03-06T06:00:00.000Z";
  const charges = [{ ...euros("2026-03-01", "12"), currency: "USD" }];
  await publish(stores, { pipelineId: "gcp-cost-billing", charges, fence: 2 });
  await publish(stores, { pipelineId: "gcp-cost-billing", charges: [euros("2026-02-01", "1")], fence: 2 });

  for (const range of [march, february])
    await expect(summary({ ...range, as_of: "2026-03-05" })).rejects.toMatchObject({
      code: "AS_OF_NOT_RETAINED",
      extra: { earliest: time.now },
    });
});
