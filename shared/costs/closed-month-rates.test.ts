import { afterEach, beforeEach, expect, it } from "vitest";
import { headPath } from "#shared/ledger/current-batches.ts";
import type { MonthHead } from "#shared/ledger/ledger.ts";
import { storeRates } from "#shared/money/fx.fixture.ts";
import { fxBook } from "#shared/money/fx-store.ts";
import { freshStores, publish, type Stores } from "./publication.fixture.ts";
import { summary } from "./summary.fixture.ts";

let stores: Stores;

beforeEach(async () => {
  stores = await freshStores({ now: "2026-03-05T06:00:00Z" });
  await storeRates(stores.documents, { "2026-02-10": { USD: "1.10" }, "2026-03-02": { USD: "1.10" } });
  const charge = { provider: "gcp", category: "cloud", service: "Storage", billed: "100", currency: "EUR" };
  const charges = ["2026-02-10", "2026-03-02"].map((day) => ({ ...charge, day }));
  await publish(stores, { pipelineId: "gcp-cost-billing", charges });
});
afterEach(() => stores.close());

const february = { start_date: "2026-02-01", end_date: "2026-02-28" };
const both = { start_date: "2026-02-01", end_date: "2026-03-04" };
const total = async (query: typeof both): Promise<string> => (await summary(stores, query)).total_cost;

async function setState(state: MonthHead["state"]): Promise<void> {
  const { version: fxVersion } = await fxBook(stores.org, stores.documents);
  await stores.documents.transaction(async (tx) => {
    const path = headPath(stores.org, "2026-02");
    const head = (await tx.get<MonthHead>(path)).body;
    if (head === undefined) throw new Error("the month was published");
    const closing = { at: "2026-03-05T06:00:00Z", by: "root", note: null, totals: {}, rows: 1, fxVersion };
    const { closing: _before, ...open } = head;
    tx.set<MonthHead>(path, state === "closed" ? { ...open, state, closing } : { ...open, state });
  });
}

async function corrected(): Promise<void> {
  const rates = { "2026-02-10": { USD: "1.20" }, "2026-03-02": { USD: "1.20" } };
  await storeRates(stores.documents, rates, { force: true });
}

it("keeps a closed month at the rates it closed with, whatever is corrected afterwards", async () => {
  await setState("closed");
  await corrected();

  expect(await total(february)).toBe("110.00");
  expect(await total(both)).toBe("230.00");
  const { fx } = await summary(stores, both);
  expect(fx).toMatchObject([
    { from: "EUR", rate: "1.1", rate_date: "2026-02-10" },
    { from: "EUR", rate: "1.2", rate_date: "2026-03-02" },
  ]);
});

it("converts with the rates of now while the month is open, and again once it is reopened", async () => {
  await corrected();
  const open = await total(february);
  await storeRates(stores.documents, { "2026-02-10": { USD: "1.10" } }, { force: true });
  await setState("closed");
  await corrected();
  const closed = await total(february);
  await setState("open");

  expect([open, closed, await total(february)]).toEqual(["120.00", "110.00", "120.00"]);
});

it("leaves a currency without a rate that had none when the month closed", async () => {
  const charge = { provider: "gcp", category: "cloud", service: "Storage", billed: "7", currency: "VND" };
  await publish(stores, { pipelineId: "openai-cost", charges: [{ ...charge, day: "2026-02-11" }] });
  await setState("closed");
  await storeRates(stores.documents, { "2026-02-11": { USD: "1.10", VND: "28000" } });

  const { completeness } = await summary(stores, february);
  expect(completeness.unconverted).toMatchObject([{ currency: "VND", days: 1 }]);
});
