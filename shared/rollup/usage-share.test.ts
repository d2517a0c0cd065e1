import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { goldenOrg } from "#shared/costs/publication.fixture.ts";
import { testRule } from "#shared/hierarchy/allocation.fixture.ts";
import type { RuleAction } from "#shared/hierarchy/allocation-rule.ts";
import { parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { type CostByHierarchy, costByHierarchy } from "./by-hierarchy.ts";
import { publishScenario, type Scenario, startScenario } from "./scenario.fixture.ts";
import { publishUsage, type Used } from "./usage.fixture.ts";

const day = "2026-03-02";
const action: RuleAction = {
  type: "usage_share",
  by: "api_key_id",
  map: [
    { value: "K1", entity_id: "TEAM-ML" },
    { value: "K2", entity_id: "TEAM-WEB" },
  ],
};
const used = (key: string | null, cost: string | null, more: Partial<Used> = {}): Used => ({
  ...{ day, key, cost, tokens: 10 },
  ...more,
});
const golden = [used("K1", "2.5"), used("K2", "1.5"), used("K3", "1.0")];

let scenario: Scenario;
beforeEach(async () => {
  scenario = await startScenario();
});
afterEach(() => scenario.stores.close());

async function billed(amount: string, columns: Record<string, unknown> = {}, on = day): Promise<void> {
  const charge = { day: on, provider: "openai", category: "llm", service: "OpenAI API", billed: amount };
  await publishScenario(scenario, [{ ...charge, columns: { x_credential_id: "c1", ...columns } }]);
}

async function shares(more: Partial<RuleAction> = {}): Promise<Record<string, string>> {
  await scenario.setRules([testRule("U1", { ...action, ...more })]);
  const query = { start_date: "2026-03-01", end_date: "2026-03-09", level: 3 };
  const { groups } = await costByHierarchy({ org: goldenOrg, query }, scenario.ports);
  const found = groups.filter(({ total_cost }) => Number(total_cost) !== 0);
  return Object.fromEntries(found.map(({ entity_id, total_cost }) => [entity_id, total_cost]));
}

describe("a bill divided by published usage (hierarchy.md 2.6)", () => {
  it("#6: by list cost of the same credential and day; an unmapped key keeps its share as nobody's", async () => {
    await billed("37.41");
    await publishUsage(scenario.stores, golden);

    expect(await shares()).toEqual({ "TEAM-ML": "18.705", "TEAM-WEB": "11.223", UNALLOCATED: "7.482" });
  });

  it("#7: a day without usage is nobody's; usage of another day or credential is none of this row", async () => {
    await billed("37.41");
    await publishUsage(scenario.stores, [
      used("K1", "5", { day: "2026-03-03" }),
      used("K1", "5", { credential: "c2" }),
    ]);

    expect(await shares()).toEqual({ UNALLOCATED: "37.41" });
    expect(await shares({ fallback: "split", targets: [{ entity_id: "TEAM-ML", percent: 60 }] })).toEqual({
      "TEAM-ML": "22.446",
      UNALLOCATED: "14.964",
    });
  });

  it("the 30 days before stand in for a day without usage, from the month before too, and no 31st day", async () => {
    await billed("10");
    await publishUsage(scenario.stores, [
      used("K2", "1000", { day: "2026-01-30" }),
      used("K2", "1000", { day: "2026-01-29" }),
    ]);
    await publishUsage(scenario.stores, [
      used("K1", "3", { day: "2026-02-20" }),
      used("K2", "1", { day: "2026-02-01" }),
    ]);

    expect(await shares({ fallback: "trailing_30_days" })).toEqual({ "TEAM-ML": "7.50", "TEAM-WEB": "2.50" });
  });

  it("one unpriced value makes the whole group weigh by tokens; weights may be tokens or requests", async () => {
    await billed("12");
    await publishUsage(scenario.stores, [
      used("K1", null, { tokens: 30, requests: 2 }),
      used("K2", "9", { tokens: 10, requests: 4 }),
    ]);

    expect(await shares()).toEqual({ "TEAM-ML": "9.00", "TEAM-WEB": "3.00" });
    expect(await shares({ weight: "tokens" })).toEqual({ "TEAM-ML": "9.00", "TEAM-WEB": "3.00" });
    expect(await shares({ weight: "requests" })).toEqual({ "TEAM-ML": "4.00", "TEAM-WEB": "8.00" });
  });

  it("a row that names its project or model is divided by the usage of that project or model alone", async () => {
    await billed("8", { SubAccountId: "proj_a", x_model: "gpt" });
    await publishUsage(scenario.stores, [
      used("K1", "5", { project: "proj_a" }),
      used("K2", "3", { project: "proj_a", model: "other" }),
      used("K2", "5", { project: "proj_b" }),
    ]);

    expect(await shares()).toEqual({ "TEAM-ML": "8.00" });
  });

  it("a negative bill is divided like a positive one; a restatement of usage shows at the next read", async () => {
    await billed("-10");
    await publishUsage(scenario.stores, golden);
    const first = await shares();

    await publishUsage(scenario.stores, [used("K1", "1"), used("K2", "1")], 2);

    expect(first).toEqual({ "TEAM-ML": "-5.00", "TEAM-WEB": "-3.00", UNALLOCATED: "-2.00" });
    expect(await shares()).toEqual({ "TEAM-ML": "-5.00", "TEAM-WEB": "-5.00" });
  });

  it("10,000 keys sum to the bill; one unmapped key changes nothing but its own share", async () => {
    await billed("1234.567890123457");
    const keys = Array.from({ length: 9_999 }, (_, at) => used(`key-${at % 2}-${at}`, "0.000001", { tokens: at + 1 }));
    await publishUsage(scenario.stores, [...keys, used("lone", "0.000001", { tokens: 777 })]);
    const weight = "tokens" as const;
    const map = [
      { value: "key-0-*", entity_id: "TEAM-ML" },
      { value: "key-1-*", entity_id: "TEAM-WEB" },
    ];
    const all = await shares({ weight, map: [...map, { value: "lone", entity_id: "PROJ-IT" }] });

    const some = await shares({ weight, map });

    const { "PROJ-IT": lone, ...others } = all;
    expect(Object.keys(all).sort()).toEqual(["PROJ-IT", "TEAM-ML", "TEAM-WEB"]);
    expect(some).toEqual({ ...others, UNALLOCATED: lone });
    for (const each of [all, some])
      expect(sumAmounts(Object.values(each).map(parseAmount)).toFixed()).toBe("1234.567890123457");
  });
});

const sums = (answer: CostByHierarchy): string =>
  sumAmounts(answer.groups.map(({ total_cost }) => parseAmount(total_cost))).toFixed();

it("usage that is published alone changes no total", async () => {
  await billed("37.41");
  await scenario.setRules([testRule("U1", action)]);
  const query = { start_date: "2026-03-01", end_date: "2026-03-09", level: 3 };
  const before = await costByHierarchy({ org: goldenOrg, query }, scenario.ports);

  await publishUsage(scenario.stores, golden);

  const after = await costByHierarchy({ org: goldenOrg, query }, scenario.ports);
  expect([sums(before), sums(after), after.total_cost]).toEqual(["37.41", "37.41", "37.41"]);
});
