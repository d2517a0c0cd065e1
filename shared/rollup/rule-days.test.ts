import { afterEach, beforeEach, expect, it } from "vitest";
import { type Charge, goldenOrg } from "#shared/costs/publication.fixture.ts";
import { testRule } from "#shared/hierarchy/allocation.fixture.ts";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { costByHierarchy } from "./by-hierarchy.ts";
import { explainRow } from "./explain-row.ts";
import { publishScenario, type Scenario, startScenario } from "./scenario.fixture.ts";

let scenario: Scenario;
beforeEach(async () => {
  scenario = await startScenario("2028-03-10T12:00:00Z");
});
afterEach(() => scenario.stores.close());

/** A charge that begins at this instant, as the provider states it. */
const charge = (start: string, end: string, billed: string): Charge => ({
  ...{ day: start.slice(0, 10), provider: "aws", category: "cloud", service: "EC2", billed },
  columns: { ChargePeriodStart: start, ChargePeriodEnd: end },
});

// hierarchy.md, shown done when 10
inEveryTimeZone(() => {
  it("a rule's days hold from 00:00:00Z to 23:59:59Z, on 29 February too, for money and explanation alike", async () => {
    const charges = [
      charge("2028-02-28T23:59:59Z", "2028-02-29T00:00:00Z", "1"),
      charge("2028-02-29T00:00:00Z", "2028-02-29T00:00:01Z", "2"),
      charge("2028-02-29T23:59:59Z", "2028-03-01T00:00:00Z", "4"),
      charge("2028-03-01T00:00:00Z", "2028-03-01T00:00:01Z", "8"),
    ];
    await publishScenario(scenario, charges);
    const days = { effectiveFrom: "2028-02-29", effectiveTo: "2028-02-29" };
    await scenario.setRules([testRule("LEAP", { type: "assign", entity_id: "DEPT-OPS" }, days)]);

    const query = { start_date: "2028-02-01", end_date: "2028-03-09", level: 1 };
    const { groups } = await costByHierarchy({ org: goldenOrg, query }, scenario.ports);
    const explained = [];
    for (const charge_date of ["2028-02-28", "2028-02-29", "2028-03-01"]) {
      const told = await explainRow({ org: goldenOrg, request: { charge_date, provider: "aws" } }, scenario.ports);
      explained.push([told.entity_id, told.steps.find(({ result }) => result === "taken")?.rule_id]);
    }

    expect(groups.map(({ entity_id, total_cost }) => [entity_id, total_cost]).sort()).toEqual([
      ["DEPT-ENG", "0.00"],
      ["DEPT-OPS", "6.00"],
      ["UNALLOCATED", "9.00"],
    ]);
    expect(explained).toEqual([
      ["UNALLOCATED", null],
      ["DEPT-OPS", "LEAP"],
      ["UNALLOCATED", null],
    ]);
  });
});
