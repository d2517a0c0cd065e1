import { afterAll, beforeAll, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { readSummary } from "#shared/costs/read-summary.ts";
import type { CostSummary } from "#shared/costs/summary-schema.ts";
import { batchDaysOf, publishedMonth } from "#shared/ledger/current-batches.ts";
import { parseAmount, sumAmounts } from "#shared/money/amount.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import { organizationTables } from "#shared/pipelines/parts.ts";
import { rowsOf } from "#shared/platform/warehouse/frame.ts";
import type { WrittenPrice } from "#shared/prices/price-answer.ts";
import { addPrice } from "#shared/prices/provider-prices.ts";
import { computing } from "./computing-adapter.fixture.ts";
import { plainEffects, startWorld, type World } from "./world.ts";

const range = { start_date: "2026-08-01", end_date: "2026-08-02" };
const caller = { kind: "root" as const, credentialId: "root" as const };
const unknown = "gpt-x-preview-2025-12-01";

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.stop());

async function pulled(org: OrgIdentity): Promise<void> {
  const { run_id: runId } = await world.trigger(org, range);
  await processRun({ org: org.key, run_id: runId }, world.ports, { adapterOf: () => computing });
  expect((await world.run(org, runId)).status).toBe("COMPLETED");
}

/** The published cost rows of a model, as their effective cost. */
async function costsOf(org: OrgIdentity, model: string): Promise<string[]> {
  const { days } = await publishedMonth(org, "2026-08", 1, world.ports.documents);
  const table = (await organizationTables()).get("cost_data_standard");
  const stored = (await world.ports.documents.get<OrgDocument>(`orgs/${org.key}`)).body;
  if (table === undefined || stored === undefined) throw new Error("no table or organization");
  const place = { datasetId: stored.dataset.id, table };
  const batches = batchDaysOf(days, table.name);
  const rows = rowsOf(await world.ports.warehouse.read(place, batches, ["x_model", "EffectiveCost"]), table);
  return rows.filter((row) => row["x_model"] === model).map((row) => String(row["EffectiveCost"]));
}

const summary = (org: OrgIdentity): Promise<CostSummary> => readSummary({ org, query: range }, world.ports);
const open = ({ completeness }: CostSummary) => [...new Set(completeness.unpriced.items.map(({ model }) => model))];

// prices-and-plans.md, shown done when 9
it("a model without a price costs no row and no zero, and is listed; with a price the next run fills the hole", async () => {
  const { org } = await world.onboarded("unknown_model");
  await world.connected(org, "example-unknown");
  await pulled(org);
  const [rows, before] = [await costsOf(org, unknown), await summary(org)];

  const request = { model_id: unknown, input_per_1m: "2", output_per_1m: "8", effective_from: "2026-01-01" };
  const asked = { org, caller, provider: "openai", flow: "payg", request };
  await addPrice(asked, plainEffects<WrittenPrice>(world.ports), world.ports);
  const unfilled = await summary(org);
  await pulled(org);

  expect([rows, before.complete, open(before)]).toEqual([[], false, [unknown]]);
  expect([unfilled.total_cost, open(unfilled)]).toEqual([before.total_cost, [unknown]]);
  const [filled, after] = [await costsOf(org, unknown), await summary(org)];
  expect([filled.length > 0, filled.includes("0"), open(after)]).toEqual([true, false, []]);
  const more = sumAmounts(filled.map(parseAmount));
  expect(parseAmount(after.total_cost).minus(before.total_cost).toFixed()).toBe(more.toFixed());
}, 120_000);
