import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { batchDaysOf, publishedMonth } from "#shared/ledger/current-batches.ts";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { organizationTables } from "#shared/pipelines/parts.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import { rowsOf } from "#shared/platform/warehouse/frame.ts";
import type { WrittenPrice } from "#shared/prices/price-answer.ts";
import { addPrice, updatePrice } from "#shared/prices/provider-prices.ts";
import { unpricedUsage } from "#shared/prices/unpriced-read.ts";
import { plainEffects, startWorld, type World } from "./world.ts";

const caller = { kind: "root" as const, credentialId: "root" as const };
const days = { start_date: "2026-08-01", end_date: "2026-08-02" };
type Row = Record<string, unknown>;

let world: World;
beforeAll(async () => {
  world = await startWorld({ now: "2026-08-10T12:00:00Z" });
});
afterAll(() => world.stop());

async function organization(slug: string, provider: string, account: string): Promise<OrgIdentity> {
  const { org } = await world.onboarded(slug);
  const credential = `${provider === "openai" ? "sk-admin-sim" : "sk-ant-admin-sim"}-${account}`;
  await setUpIntegration(
    { org, provider, request: { credential } },
    plainEffects<SetupAnswer>(world.ports),
    world.ports,
  );
  return org;
}

async function ended(org: OrgIdentity, address: string, range = days): Promise<RunDocument> {
  const pipeline = (await pipelines()).byAddress(address);
  const asked = { org, caller, pipeline, body: range, query: {}, requestId: "req_test" };
  const request = { ...asked, claimedUser: undefined, traceparent: undefined };
  const { body } = await triggerRun(request, plainEffects<RunAnswer>(world.ports), world.ports);
  await world.process(org, body.run_id);
  return world.run(org, body.run_id);
}

async function ran(org: OrgIdentity, address: string, range = days): Promise<RunDocument> {
  const run = await ended(org, address, range);
  expect([run.error, run.status]).toEqual([null, "COMPLETED"]);
  return run;
}

async function published(org: OrgIdentity, name: string, month = "2026-08"): Promise<Row[]> {
  const { days: all } = await publishedMonth(org, month, 1, world.ports.documents);
  const table = (await organizationTables()).get(name);
  const stored = (await world.ports.documents.get<{ dataset: { id: string } }>(`orgs/${org.key}`)).body;
  if (table === undefined || stored === undefined) throw new Error(`no table ${name}`);
  const columns = table.columns.map((column) => column.name);
  const frame = await world.ports.warehouse.read(
    { datasetId: stored.dataset.id, table },
    batchDaysOf(all, name),
    columns,
  );
  return rowsOf(frame, table);
}

const sum = (rows: readonly Row[], column: string): string =>
  amountText(sumAmounts(rows.flatMap((row) => (row[column] === null ? [] : parseAmount(String(row[column]))))));

describe("usage priced in a run", () => {
  // provider-adapters.md 3.1 and 3.2
  it.each([
    ["openai", "openai/cost/usage_cost", "golden-golden", "0.1035", "0.9"],
    ["anthropic", "anthropic/usage_cost", "priced-golden", "6.9", "0.3"],
  ])("of %s computes what the worked example states", async (provider, address, account, tokens, tools) => {
    const org = await organization(`golden_${provider}`, provider, account);

    await ran(org, address, { start_date: "2026-07-01", end_date: "2026-07-01" });

    const computed = await published(org, "genai_computed_daily", "2026-07");
    const isToken = (row: Row): boolean => row["unit"] === "tokens";
    expect([
      sum(computed.filter(isToken), "contracted_cost"),
      sum(
        computed.filter((row) => !isToken(row)),
        "contracted_cost",
      ),
    ]).toEqual([tokens, tools]);
    expect(new Set(computed.map((row) => row["price_version"]))).toEqual(new Set(["p1.o0"]));
    const costs = await published(org, "cost_data_standard", "2026-07");
    const both = costs.filter((row) => row["x_reported"] !== null);
    expect(both.length).toBeGreaterThanOrEqual(4);
    expect(both.map((row) => row["x_computed"])).toEqual(both.map((row) => row["x_reported"]));
    expect(costs.every((row) => row["x_counted"] === true && row["x_cost_basis"] === "provider_reported")).toBe(true);
  });

  it.each([
    ["openai", "openai/cost/usage_cost", ["gpt-x-preview-2025-12-01"]],
    ["anthropic", "anthropic/usage_cost", ["claude-sonnet-4-5-20250929", "claude-opus-5", "claude-x-preview-20251201"]],
  ])(
    "of %s agrees with the bill wherever both sides exist, and leaves unknown prices open",
    async (provider, address, unknown) => {
      const org = await organization(`both_${provider}`, provider, "example-both");

      const run = await ran(org, address);

      const costs = await published(org, "cost_data_standard");
      const both = costs.filter((row) => row["x_computed"] !== null);
      expect(both.length).toBeGreaterThan(costs.length / 2);
      const ratios = both.map((row) => Number(row["x_reported"]) / Number(row["x_computed"]));
      expect(Math.min(...ratios)).toBeGreaterThan(0.1);
      expect(Math.max(...ratios)).toBeLessThan(10);
      const computed = await published(org, "genai_computed_daily");
      const open = computed.filter((row) => row["price_status"] === "unpriced");
      expect(open.map((row) => [row["contracted_cost"], row["list_cost"], row["price_id"]])).toEqual(
        open.map(() => [null, null, null]),
      );
      expect(open.length).toBeGreaterThan(0);
      expect(unknown).toEqual(
        expect.arrayContaining([...new Set(open.filter((row) => row["unit"] === "tokens").map((row) => row["model"]))]),
      );
      expect(run.findings.some(({ code }) => code === "unpriced")).toBe(true);
      const query = { start_date: days.start_date, end_date: days.end_date };
      const list = await unpricedUsage({ org, query }, world.ports);
      expect(list.unpriced.map(({ model }) => model).sort()).toEqual(
        [...new Set(open.map((row) => row["model"]))].sort(),
      );
      expect(list.unpriced.every((one) => one.days.length > 0)).toBe(true);
    },
  );

  it("keeps a bill that is a hundred times what the usage costs out of the ledger", async () => {
    const account = "example-cents";
    const org = await organization("cents", "anthropic", account);
    const place = { provider: "anthropic", account, path_prefix: "/v1/organizations/cost_report" };
    await world.sim("PUT", "faults", { ...place, mode: "cents-as-dollars", count: 1000 });

    const run = await ended(org, "anthropic/usage_cost");

    await world.sim("DELETE", "faults");
    expect([run.status, run.error?.code]).toEqual(["FAILED", "DATA_QUARANTINED"]);
    expect((await publishedMonth(org, "2026-08", 1, world.ports.documents)).days).toEqual([]);
  });

  it("keeps the book of a published day; only what was unpriced takes the new one", async () => {
    const org = await organization("kept_book", "openai", "example-kept");
    await ran(org, "openai/cost/usage_cost");
    const before = await published(org, "genai_computed_daily");
    const write = { org, caller, provider: "openai" };
    const prices = plainEffects<WrittenPrice>(world.ports);
    const request = { effective_from: "2026-01-01", input_per_1m: "99" };
    await updatePrice({ ...write, model: "gpt-5.4-mini-2026-03-17", request }, prices, world.ports);
    const second = await ran(org, "openai/cost/usage_cost");
    const model_id = "gpt-x-preview-2025-12-01";
    const added = { ...request, model_id, output_per_1m: "7.7" };
    await addPrice({ ...write, flow: "payg", request: added }, prices, world.ports);
    const third = await ran(org, "openai/cost/usage_cost");
    await updatePrice({ ...write, model: model_id, request: { ...request, input_per_1m: "1" } }, prices, world.ports);
    const fourth = await ran(org, "openai/cost/usage_cost");

    expect([second.result?.restatedDays, second.result?.unchangedDays.length]).toEqual([[], 2]);
    expect(third.result?.restatedDays.length).toBe(2);
    expect(fourth.result?.restatedDays).toEqual([]);
    const after = await published(org, "genai_computed_daily");
    const priced = (rows: Row[], status: string) => rows.filter((row) => row["price_status"] === status);
    const costs = (rows: Row[]) =>
      new Map(priced(rows, "priced").map((row) => [row["x_source_record_id"], row["contracted_cost"]]));
    for (const [id, cost] of costs(before)) expect(costs(after).get(id)).toBe(cost);
    expect([priced(before, "unpriced").length > 0, priced(after, "unpriced").length]).toEqual([true, 0]);
    expect([...new Set(after.map((row) => row["price_version"]))].sort()).toEqual(["p1.o0", "p1.o2"]);
    const filled = after.filter((row) => row["model"] === model_id && row["sku_meter"] === "input");
    expect(new Set(filled.map((row) => row["contracted_unit_price"]))).toEqual(new Set(["99"]));
  });

  it("suggests repricing of later days whose discount counts what an earlier day has changed, and moves none of them", async () => {
    const org = await organization("suggested", "openai", "example-suggested");
    const prices = plainEffects<WrittenPrice>(world.ports);
    const model = "gpt-5.4-mini-2026-03-17";
    const request = { effective_from: "2026-01-01", volume_discount_pct: "10", volume_threshold_tokens: 1000 };
    await updatePrice({ org, caller, provider: "openai", model, request }, prices, world.ports);
    const range = (start_date: string, end_date: string) => ({ start_date, end_date });
    const later = await ran(org, "openai/cost/usage_cost", range("2026-08-03", "2026-08-04"));
    const before = await published(org, "genai_computed_daily");

    const earlier = await ran(org, "openai/cost/usage_cost", range("2026-08-01", "2026-08-02"));
    const again = await ran(org, "openai/cost/usage_cost", range("2026-08-01", "2026-08-02"));
    const july = await ran(org, "openai/cost/usage_cost", range("2026-07-30", "2026-07-31"));

    expect(later.result?.repriceSuggested).toEqual([]);
    expect(earlier.result?.repriceSuggested).toEqual(["2026-08-03", "2026-08-04"]);
    expect([again.result?.repriceSuggested, july.result?.repriceSuggested]).toEqual([[], []]);
    const costs = (rows: Row[]) =>
      new Map(rows.map((row) => [`${row["x_source_record_id"]}`, row["contracted_cost"]] as const));
    const after = costs(await published(org, "genai_computed_daily"));
    for (const [id, cost] of costs(before)) expect(after.get(id)).toBe(cost);
  });
});
