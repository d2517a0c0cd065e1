import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type SetupRequest, setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { batchDaysOf, publishedMonth } from "#shared/ledger/current-batches.ts";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { organizationTables } from "#shared/pipelines/parts.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import { rowsOf } from "#shared/platform/warehouse/frame.ts";
import { plainEffects, publishedBilled, startWorld, type World } from "./world.ts";

// Few days: one holds some hundred charges, and each is divided over the keys that used it.
const threeDays = { start_date: "2026-07-01", end_date: "2026-07-03" };
const firstDay = { start_date: "2026-07-01", end_date: "2026-07-01" };

interface TruthDay {
  day: string;
  billed: { amount: string }[];
  tokens: Record<string, number>;
}

describe("a run of anthropic/usage_cost", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.stop());

  async function connected(
    org: OrgIdentity,
    account: string,
    request: Partial<SetupRequest> = {},
  ): Promise<SetupAnswer> {
    const credential = `sk-ant-admin-sim-${account}`;
    const asked = { org, provider: "Claude", request: { ...request, credential } };
    return setUpIntegration(asked, plainEffects<SetupAnswer>(world.ports), world.ports);
  }

  async function ran(org: OrgIdentity, address: string, body = threeDays): Promise<RunDocument> {
    const caller = { kind: "root" as const, credentialId: "root" as const };
    const pipeline = (await pipelines()).byAddress(address);
    const asked = { org, caller, pipeline, body, query: {}, requestId: "req_test" };
    const request = { ...asked, claimedUser: undefined, traceparent: undefined };
    const { body: answer } = await triggerRun(request, plainEffects<RunAnswer>(world.ports), world.ports);
    await world.process(org, answer.run_id);
    return world.run(org, answer.run_id);
  }

  async function truth(account: string): Promise<TruthDay[]> {
    const query = `truth?provider=anthropic&account=${account}&from=${threeDays.start_date}&to=${threeDays.end_date}`;
    return ((await world.sim("GET", query)) as { truth: { days: TruthDay[] } }).truth.days;
  }

  async function publishedRows(org: OrgIdentity, name: string): Promise<Record<string, unknown>[]> {
    const { days } = await publishedMonth(org, "2026-07", 1, world.ports.documents);
    const table = (await organizationTables()).get(name);
    const stored = (await world.ports.documents.get<{ dataset: { id: string } }>(`orgs/${org.key}`)).body;
    if (table === undefined || stored === undefined) throw new Error(`no table ${name}`);
    const place = { datasetId: stored.dataset.id, table };
    const columns = table.columns.map((column) => column.name);
    return rowsOf(await world.ports.warehouse.read(place, batchDaysOf(days, name), columns), table);
  }

  it("publishes days that equal the provider's truth to the last digit, by key and in tokens too", async () => {
    const { org } = await world.onboarded("acme");
    const { provider, status } = await connected(org, "example-one");

    const run = await ran(org, "anthropic/usage_cost");

    expect([provider, status, run.error, run.status]).toEqual(["anthropic", "VALID", null, "COMPLETED"]);
    const days = await truth("example-one");
    const billed = publishedBilled(await publishedMonth(org, "2026-07", 1, world.ports.documents));
    expect(billed).toEqual(Object.fromEntries(days.map(({ day, billed: [sum] }) => [day, sum?.amount ?? "0"])));
    const costs = await publishedRows(org, "cost_data_standard");
    const reported = await publishedRows(org, "genai_billed_daily_raw");
    const sum = (rows: Record<string, unknown>[], name: string) =>
      amountText(sumAmounts(rows.map((row) => parseAmount(String(row[name])))));
    expect(sum(costs, "BilledCost")).toBe(sum(reported, "amount"));
    expect(costs.length).toBeGreaterThan(reported.length);
    expect(new Set(costs.map((row) => row["x_row_id"])).size).toBe(costs.length);
    const usage = (await publishedRows(org, "genai_usage_daily_raw")).filter((row) => row["meter"] === "tokens");
    const counted = days.reduce((all, { tokens }) => all + Object.values(tokens).reduce((a, b) => a + b, 0), 0);
    expect(usage.reduce((all, row) => all + Number(row["total_tokens"]), 0)).toBe(counted);
  });

  it("keeps people as pseudonyms, or as the credential asks", async () => {
    const { org } = await world.onboarded("pseudonyms");
    await connected(org, "example-two");
    const { org: open } = await world.onboarded("addresses");
    await connected(open, "example-two", { user_detail: "email" });

    await ran(org, "genai/payg/anthropic", firstDay);
    await ran(open, "genai_payg_anthropic", firstDay);

    const refs = (rows: Record<string, unknown>[]) => rows.map((row) => String(row["user_ref"]));
    const hidden = refs(await publishedRows(org, "genai_activity_daily_raw"));
    expect(hidden.some((ref) => /^u_[0-9a-f]{16}$/.test(ref))).toBe(true);
    expect(hidden.filter((ref) => ref.includes("@"))).toEqual([]);
    const shown = refs(await publishedRows(open, "genai_activity_daily_raw"));
    expect(shown.some((ref) => ref.includes("@"))).toBe(true);
  });

  it("gives the worked example, once, for the same days twice", async () => {
    const { org } = await world.onboarded("golden");
    await connected(org, "example-golden");

    const first = await ran(org, "anthropic/cost/usage_cost", threeDays);
    const second = await ran(org, "anthropic/usage_cost", threeDays);

    expect(first.result?.totals).toEqual({ USD: ["7.2", "7.2"] });
    expect([second.result?.publishedDays, second.result?.restatedDays]).toEqual([[], []]);
    const [row] = (await publishedRows(org, "cost_data_standard")).filter((cost) => cost["x_token_type"] === "output");
    expect(row).toMatchObject({
      BilledCost: "1.35",
      PricingQuantity: "0.09",
      ListUnitPrice: "15",
      ConsumedUnit: "Tokens",
    });
  });
});
