import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { goldenOrg } from "#shared/costs/publication.fixture.ts";
import { allocationState } from "#shared/entity-references/allocation-input.ts";
import type { RuleUpdate } from "#shared/hierarchy/allocation-rule.ts";
import { parseAmount } from "#shared/money/amount.ts";
import { validBody } from "#shared/runtime/schema.ts";
import { coverage } from "./coverage.ts";
import { ExplainRowRequest, explainRow } from "./explain-row.ts";
import { neverMatches } from "./never-matches.ts";
import { listRulesWithCost } from "./rules-list.ts";
import { publishScenario, root, type Scenario, scenarioCharges, startScenario } from "./scenario.fixture.ts";
import { suggestions } from "./suggestions.ts";

let scenario: Scenario;
beforeEach(async () => {
  scenario = await startScenario();
});
afterEach(() => scenario.stores.close());

const march = { start_date: "2026-03-01", end_date: "2026-03-31" };
const day = "2026-03-02";

describe("coverage", () => {
  it("tells how much reached whom and how, and what the rest looks like; all of it adds up", async () => {
    await publishScenario(scenario);

    const answer = await coverage({ org: goldenOrg, query: march }, scenario.ports);

    expect(answer).toMatchObject({
      ...{ total: "30.00", allocated: "27.00", unallocated: "3.00", allocated_percent: 90 },
      by_method: { rule: "15.00", credential: "1.00", explicit: "2.00", spread: "9.00" },
      by_reason: { no_rule: "3.00" },
      top_unallocated: [
        { provider: "gcp", sub_account_id: null, api_key_id: null, tags: {}, reason: "no_rule", amount: "3.00" },
      ],
    });
  });

  it("suggests entities for values that look like one, largest first, and applies none", async () => {
    await scenario.setRules([]);
    const charge = (billed: string, columns: object) => ({
      ...{ day, provider: "aws", category: "cloud", service: "EC2", billed },
      columns: { x_credential_id: "none", ...columns },
    });
    await publishScenario(scenario, [
      charge("5", { Tags: { squad: "team_ml" } }),
      charge("7", { Tags: { squad: "Team ML" }, SubAccountId: "proj_chat" }),
      charge("1", { SubAccountId: "DEPT-OPZ" }),
      charge("2", { Tags: { squad: "nothing like it" } }),
    ]);

    const { suggestions: found, allocated } = await coverage({ org: goldenOrg, query: march }, scenario.ports);

    expect(found).toEqual([
      { attribute: "sub_account_id", value: "proj_chat", entity_id: "PROJ-CHAT", amount: "7.00" },
      { attribute: "tag:squad", value: "Team ML", entity_id: "TEAM-ML", amount: "7.00" },
      { attribute: "tag:squad", value: "team_ml", entity_id: "TEAM-ML", amount: "5.00" },
      { attribute: "sub_account_id", value: "DEPT-OPZ", entity_id: "DEPT-OPS", amount: "1.00" },
    ]);
    expect(allocated).toBe("0.00");
  });

  it("names an id without its prefix; texts of a few letters resemble nothing", async () => {
    const { input } = await allocationState(goldenOrg, { ...scenario.ports, now: new Date(`${day}T00:00:00Z`) });
    const named = (apiKeyId: string) =>
      suggestions(
        [{ origin: { subAccountId: null, subAccountName: null, apiKeyId, tags: {} }, amount: parseAmount("1") }],
        input.tree,
      ).map(({ entityId }) => entityId);

    expect([named("chat"), named("chaz"), named("i"), named("")]).toEqual([["PROJ-CHAT"], [], [], []]);
  });
});

describe("a rule that never matches", () => {
  const warned = (request: RuleUpdate, ruleId?: string) =>
    neverMatches({ org: goldenOrg, request, ...(ruleId === undefined ? {} : { ruleId }) }, scenario.ports);

  it("is one whose match no published row of 90 days holds", async () => {
    expect(await warned({ match: { providers: ["openai"] } })).toBe(false);
    await publishScenario(scenario);

    expect(await warned({ match: { providers: ["openai"] } })).toBe(false);
    expect(await warned({ match: { providers: ["oracle"] } })).toBe(true);
    expect(await warned({ match: { tags: [{ key: "team", op: "eq", values: ["Web"], ignore_case: true }] } })).toBe(
      false,
    );
    expect(await warned({ effective_from: "2026-03-03" })).toBe(true);
    expect(await warned({}, "R1")).toBe(false);
    scenario.setClock("2026-08-01T00:00:00Z");
    expect(await warned({ match: { providers: ["oracle"] } })).toBe(false);
  });
});

it("rules are listed with what each took: not what an earlier step took", async () => {
  await publishScenario(scenario);
  const query = { include_inactive: false, with_cost: true };

  const { rules } = await listRulesWithCost({ org: goldenOrg, caller: { ...root, ...owner }, query }, scenario.ports);

  expect(rules.map(({ rule_id, matched_cost_30d }) => [rule_id, matched_cost_30d])).toEqual([
    ["R1", "10.00"],
    ["R2", "5.00"],
    ["R3", "9.00"],
  ]);
  const reader = { ...owner, scopes: ["hierarchy:read"] };
  const refused = listRulesWithCost({ org: goldenOrg, caller: reader, query }, scenario.ports);
  await expect(refused).rejects.toMatchObject({ code: "FORBIDDEN" });
});

const owner = { kind: "key" as const, credentialId: "k", keyId: "k", org: goldenOrg, scopes: ["*"] };

describe("a published row, explained", () => {
  const explain = (request: object) => explainRow({ org: goldenOrg, request }, scenario.ports);

  it("goes the way that the roll-up counts it", async () => {
    await publishScenario(scenario);
    const { body } = await scenario.stores.documents.get<{ batches: Record<string, { id: string }> }>(
      `orgs/${goldenOrg.key}/ledger/2026-03/pipelines/test-cost`,
    );
    const [batch_id = ""] = Object.values(body?.batches ?? {}).map(({ id }) => id);
    const ways = [];
    for (const at of scenarioCharges.keys()) {
      const { entity_id, method } = await explain({ batch_id, row: `${batch_id}-${at}` });
      ways.push([entity_id, method]);
    }

    expect(ways).toEqual([
      ["TEAM-ML", "rule"],
      ["TEAM-WEB", "rule"],
      ["PROJ-CHAT", "credential"],
      ["PROJ-CHAT", "credential"],
      ["UNALLOCATED", "unallocated"],
      ["PROJ-IT", "explicit"],
      [null, "spread"],
    ]);
    await expect(explain({ batch_id, row: "other" })).rejects.toMatchObject({ code: "ROW_NOT_FOUND" });
    await expect(explain({ batch_id: "other", row: "x" })).rejects.toMatchObject({ code: "ROW_NOT_FOUND" });
  });

  it.each([[{}], [{ batch_id: "b" }], [{ batch_id: "b", row: "r", provider: "gcp" }]])(
    "needs attributes or a row: %j",
    async (request) => {
      await expect(explain(await validBody(ExplainRowRequest, request))).rejects.toMatchObject({
        code: "INVALID_BODY",
      });
    },
  );
});
