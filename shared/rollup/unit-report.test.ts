import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Charge, goldenOrg } from "#shared/costs/publication.fixture.ts";
import { referenceKinds } from "#shared/entity-references/reference-kinds.ts";
import { testRule } from "#shared/hierarchy/allocation.fixture.ts";
import { deleteEntity } from "#shared/hierarchy/entity-delete.ts";
import { parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { storeRates } from "#shared/money/fx.fixture.ts";
import { closeCosts } from "#shared/months/close.ts";
import type { MonthState } from "#shared/months/month-state.ts";
import { responseProblems } from "#shared/runtime/schema.ts";
import type { MetricAnswer, MetricRequest } from "#shared/unit-economics/metric.ts";
import { createMetric, updateMetric } from "#shared/unit-economics/metric-changes.ts";
import { putValues, type ValuesPut, type ValuesRequest } from "#shared/unit-economics/values-write.ts";
import { costByHierarchy } from "./by-hierarchy.ts";
import { publishScenario, root, type Scenario, scenarioCharges, startScenario } from "./scenario.fixture.ts";
import { UnitReport, type UnitReportQuery, unitReport } from "./unit-report.ts";

let scenario: Scenario;
beforeEach(async () => {
  scenario = await startScenario();
});
afterEach(() => scenario.stores.close());

const on = { org: goldenOrg, caller: root };

async function metric(request: Partial<MetricRequest> = {}): Promise<void> {
  const whole = { metric: "units", display_name: "Units", unit_name: "unit", kind: "count" as const, ...request };
  await createMetric({ ...on, request: whole }, scenario.effects<MetricAnswer>());
}

type Value = Omit<ValuesRequest["values"][number], "dimension"> & { dimension?: string };
async function values(given: readonly Value[], name = "units"): Promise<void> {
  const request = { values: given.map((value) => ({ dimension: "", ...value })) };
  await putValues({ ...on, metric: name, request }, scenario.effects<ValuesPut>(), scenario.ports);
}

async function report(query: Partial<UnitReportQuery> = {}): Promise<UnitReport> {
  const asked = { metric: "units", start_date: "2026-03-01", end_date: "2026-03-04", ...query };
  const answer = await unitReport({ org: goldenOrg, query: asked }, scenario.ports);
  expect(await responseProblems(UnitReport, JSON.parse(JSON.stringify(answer)))).toEqual([]);
  return answer;
}

const charge = (day: string, billed: string, more: Partial<Charge> = {}): Charge => ({
  ...{ day, billed, provider: "openai", category: "llm", service: "OpenAI API" },
  ...more,
});

describe("a report of published cost (hierarchy.md 3)", () => {
  it("#1: units 0, a missing day and cost 0 over four days", async () => {
    await publishScenario(scenario, [
      charge("2026-03-01", "100"),
      charge("2026-03-02", "200"),
      charge("2026-03-03", "0"),
      charge("2026-03-04", "50"),
    ]);
    await metric();
    await values(["10", "0", "5"].map((quantity, at) => ({ day: `2026-03-0${at + 1}`, quantity })));

    const answer = await report();

    expect(answer.series.map(({ unit_cost, reason, complete }) => [unit_cost, reason, complete])).toEqual([
      ["10", null, true],
      [null, "no_units", true],
      ["0", null, true],
      [null, "no_metric", false],
    ]);
    expect(answer).toMatchObject({
      ...{ total_cost: "350.00", total_units: "15", unit_cost: "23.333333333333", complete: false },
      ...{ missing_days: ["2026-03-04"], currency: "USD", unallocated: "0.00" },
    });
    const monthly = await report({ granularity: "month" });
    expect(monthly.series).toMatchObject([
      { period_start: "2026-03-01", period_end: "2026-03-04", cost: "350.00", complete: false },
    ]);
  });

  it("#3: by customer, every day over its own values; what is beyond the top stands in other, nothing is lost", async () => {
    await publishScenario(scenario, [charge("2026-03-01", "10"), charge("2026-03-02", "5")]);
    await metric({ dimension: "customer" });
    await values(["a", "b", "c"].map((dimension) => ({ day: "2026-03-01", dimension, quantity: 1 })));

    const answer = await report({ by: "dimension" });
    const top = await report({ by: "dimension", top: 1 });

    expect(answer.by_dimension.map(({ value, cost, units }) => [value, cost, units])).toEqual([
      ["a", "3.333333333334", "1"],
      ["b", "3.333333333333", "1"],
      ["c", "3.333333333333", "1"],
    ]);
    expect(answer).toMatchObject({ unallocated: "5.00", other: { count: 0, cost: "0.00" } });
    expect(top).toMatchObject({ other: { count: 2, cost: "6.666666666666" }, unallocated: "5.00" });
  });

  it("#5: money in another currency is converted at its day's rate; without a rate there is no ratio", async () => {
    await publishScenario(scenario, [charge("2026-03-02", "250")]);
    await storeRates(scenario.stores.documents, { "2026-03-02": { USD: "1.25" } });
    await metric({ kind: "money", currency: "EUR" });
    await values([{ day: "2026-03-02", quantity: "800" }]);

    const answer = await report({ start_date: "2026-03-02", end_date: "2026-03-02" });

    expect(answer).toMatchObject({
      ...{ total_units: "1000", unit_cost: "0.25", ratio_percent: 25, margin: "750.00" },
      fx: [{ from: "EUR", to: "USD", rate: "1.25" }],
    });
  });

  it("money of a closed month stands at the rates it closed with, as its cost does", async () => {
    await publishScenario(scenario, [charge("2026-02-10", "200", { currency: "EUR" })]);
    await storeRates(scenario.stores.documents, { "2026-02-10": { USD: "1.25" } });
    await metric({ kind: "money", currency: "EUR" });
    await values([{ day: "2026-02-10", quantity: "800" }]);
    const body = { accept_incomplete: true };
    await closeCosts({ ...on, month: "2026-02", body }, scenario.effects<MonthState>(), scenario.ports);
    await storeRates(scenario.stores.documents, { "2026-02-10": { USD: "2" } }, { force: true });

    const answer = await report({ start_date: "2026-02-10", end_date: "2026-02-10" });

    expect(answer).toMatchObject({ total_cost: "250.00", total_units: "1000", ratio_percent: 25, margin: "750.00" });
  });

  it("a day of money without a rate has a value all the same: it is not missing", async () => {
    await metric({ kind: "money", currency: "VND" });
    await values([{ day: "2026-03-02", quantity: "800" }]);

    const answer = await report({ start_date: "2026-03-02", end_date: "2026-03-03" });

    expect(answer).toMatchObject({ unit_cost: null, reason: "no_rate", missing_days: ["2026-03-03"] });
  });

  it("takes the cost of its scope alone: providers, tags, service categories and entities, all of which hold", async () => {
    await publishScenario(scenario);
    await metric();
    await values([{ day: "2026-03-02", quantity: 1 }]);
    const total = async (cost_scope: NonNullable<MetricRequest["cost_scope"]>) => {
      await updateMetric({ ...on, metric: "units", request: { cost_scope } }, scenario.effects<MetricAnswer>());
      return (await report()).total_cost;
    };

    expect(await total({})).toBe("30.00");
    expect(await total({ providers: ["openai"] })).toBe("16.00");
    expect(await total({ tags: [{ key: "team" }] })).toBe("7.00");
    expect(await total({ tags: [{ key: "team", value: "web" }] })).toBe("5.00");
    expect(await total({ service_categories: ["Databases"] })).toBe("0.00");
    expect(await total({ hierarchy_entity_ids: ["proj-chat"] })).toBe("16.00");
    expect(await total({ hierarchy_entity_ids: ["PROJ-CHAT"], tags: [{ key: "team" }] })).toBe("7.00");
  });

  it("an entity of its scope cannot be deleted; when it has ended, its cost is none, not all", async () => {
    await publishScenario(scenario);
    await metric({ cost_scope: { hierarchy_entity_ids: ["TEAM-ML"] } });
    await values([{ day: "2026-03-02", quantity: 2 }]);
    const ended = (query: Parameters<typeof deleteEntity>[0]["query"]) =>
      deleteEntity(
        { ...on, entityId: "TEAM-ML", kinds: referenceKinds, query },
        scenario.effects<null>(),
        scenario.ports,
      );

    expect((await report()).unit_cost).toBe("5");
    await expect(ended({ force: false })).rejects.toMatchObject({
      extra: { blocking_entities: expect.arrayContaining([{ kind: "unit_metric", id: "units", name: "Units" }]) },
    });
    await ended({ force: true });

    expect(await report()).toMatchObject({ total_cost: "0.00", unit_cost: "0" });
  });

  it("values delivered twice, late and out of order with revisions end in the same report", async () => {
    await publishScenario(scenario, [charge("2026-03-01", "9"), charge("2026-03-02", "6")]);
    await metric({ dimension: "customer" });
    const deliveries: Value[] = [
      { day: "2026-03-01", dimension: "a", quantity: 1, revision: 1 },
      { day: "2026-03-01", dimension: "a", quantity: 2, revision: 2 },
      { day: "2026-03-01", dimension: "b", quantity: 1, revision: 1 },
      { day: "2026-03-02", dimension: "b", quantity: 4, revision: 7 },
    ];
    for (const value of deliveries) await values([value]);
    const { versions: _versions, ...first } = await report({ by: "dimension" });

    for (const value of [...deliveries].reverse()) await values([value, value]);
    const { versions: _later, ...second } = await report({ by: "dimension" });

    expect(second).toEqual(first);
    expect(first.by_dimension.map(({ value, cost }) => [value, cost])).toEqual([
      ["b", "9.00"],
      ["a", "6.00"],
    ]);
  });

  it("5,000 dimension values add up to the cost", async () => {
    await publishScenario(scenario, [charge("2026-03-01", "1234.567890123457")]);
    await metric({ dimension: "customer" });
    for (let at = 0; at < 5; at++) {
      const some = Array.from({ length: 1000 }, (_, index) => ({
        ...{ day: "2026-03-01", dimension: `c-${at * 1000 + index}`, quantity: index + 1 },
      }));
      await values(some);
    }

    const { by_dimension, other } = await report({ by: "dimension", top: 500 });

    expect([by_dimension.length, other.count]).toEqual([500, 4500]);
    const sum = sumAmounts([...by_dimension.map(({ cost }) => parseAmount(cost)), parseAmount(other.cost)]);
    expect(sum.toFixed()).toBe("1234.567890123457");
  });
});

describe("shared cost spread by a metric (hierarchy.md 2.6)", () => {
  it("#9: 250 over headcount 3, 5, 7, with what lies below; a new value shows at the next read", async () => {
    await metric({ metric: "headcount", dimension: "entity", aggregation: "last" });
    await publishScenario(scenario, [charge("2026-03-02", "250")]);
    const count = (dimension: string, quantity: number, day = "2026-03-02") =>
      values([{ day, dimension, quantity }], "headcount");
    await count("TEAM-ML", 3);
    await count("TEAM-WEB", 5);
    await count("PROJ-IT", 7);
    await scenario.setRules([
      testRule("R", {
        ...{ type: "spread", weight: "metric", metric: "headcount", period: "month" },
        over: ["TEAM-ML", "TEAM-WEB", "DEPT-OPS"],
      }),
    ]);
    const query = { start_date: "2026-03-01", end_date: "2026-03-09", level: 3 };
    const shares = async () => {
      const { groups } = await costByHierarchy({ org: goldenOrg, query }, scenario.ports);
      return Object.fromEntries(groups.map(({ entity_id, total_cost }) => [entity_id, total_cost]));
    };

    expect(await shares()).toEqual({
      ...{ "TEAM-ML": "50.00", "TEAM-WEB": "83.333333333333", "DEPT-OPS": "116.666666666667", UNALLOCATED: "0.00" },
    });
    await count("TEAM-ML", 0, "2026-03-03");
    await count("TEAM-WEB", 0, "2026-03-03");
    expect(await shares()).toMatchObject({ "TEAM-ML": "0.00", "DEPT-OPS": "250.00" });
  });

  it("its weights are of the organization's currency, whatever currency is asked for", async () => {
    await storeRates(scenario.stores.documents, { "2026-03-01": { USD: "1.0" }, "2026-03-02": { USD: "2.0" } });
    const to = (provider: string, entity: string) =>
      testRule(provider, { type: "assign", entity_id: entity }, { match: { providers: [provider] } });
    await scenario.setRules([
      to("gcp", "DEPT-ENG"),
      to("aws", "DEPT-OPS"),
      testRule("S", { type: "spread", over: ["DEPT-ENG", "DEPT-OPS"], weight: "direct_cost" }, { priority: 90 }),
    ]);
    await publishScenario(scenario, [
      charge("2026-03-01", "10", { provider: "gcp", currency: "EUR" }),
      charge("2026-03-02", "10", { provider: "aws", currency: "EUR" }),
      charge("2026-03-02", "30", { currency: "EUR" }),
    ]);
    const query = { start_date: "2026-03-01", end_date: "2026-03-09", currency: "EUR" };

    const { groups } = await costByHierarchy({ org: goldenOrg, query }, scenario.ports);

    expect(groups.map(({ entity_id, total_cost }) => [entity_id, total_cost])).toEqual([
      ["DEPT-OPS", "30.00"],
      ["DEPT-ENG", "20.00"],
      ["UNALLOCATED", "0.00"],
    ]);
  });
});

it("cost of the scenario by anything at all is the same money", async () => {
  await publishScenario(scenario, scenarioCharges);
  await metric({ dimension: "customer", cost: "billed" });
  await values([{ day: "2026-03-02", dimension: "UNALLOCATED", quantity: 3 }]);

  expect(await report({ by: "dimension" })).toMatchObject({
    total_cost: "30.00",
    by_dimension: [{ value: "UNALLOCATED", cost: "30.00", share_percent: 100, unit_cost: "10" }],
    unallocated: "0.00",
  });
});
