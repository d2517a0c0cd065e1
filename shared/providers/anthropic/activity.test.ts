import { describe, expect, it } from "vitest";
import type { FixtureAnswers, FixtureCall } from "../fixtures/fixture-http.ts";
import type { PullContext, Pulled, Row } from "../provider.ts";
import { paths } from "./client.ts";
import { fixture, fixtureHttp, fixturePull, rowsOf } from "./fixtures/fixture-anthropic.ts";
import { anthropicProcessors } from "./processors.ts";

async function pulled(
  changes: Partial<PullContext> = {},
  answers: FixtureAnswers = {},
  calls: FixtureCall[] = [],
): Promise<Pulled> {
  return anthropicProcessors["anthropic.activity"](await fixturePull(fixtureHttp(answers, calls), changes));
}

async function rows(changes: Partial<PullContext> = {}): Promise<Row[]> {
  return rowsOf(await pulled(changes), "genai_activity_daily_raw");
}

const ofAda = (row: Row) => row["user_ref"] === "u_ada@example.com";

// Source: provider-adapters.md 3.2.
describe("Claude Code activity", () => {
  it("gives one row per person, tool, metric and model, the terminals of a person added up", async () => {
    const all = (await rows()).filter(ofAda);

    const facts = all.map((row) => [row["tool"], row["metric"], row["model"], row["value"], row["equivalent_amount"]]);
    expect(facts.sort()).toEqual([
      ["claude_code", "cache_creation_tokens", "claude-sonnet-4-6", "600", null],
      ["claude_code", "cache_read_tokens", "claude-sonnet-4-6", "4000", null],
      ["claude_code", "commits", null, "6", null],
      ["claude_code", "estimated_cost", "claude-sonnet-4-6", "0.1275", "0.1275"],
      ["claude_code", "input_tokens", "claude-sonnet-4-6", "1100", null],
      ["claude_code", "lines_added", null, "240", null],
      ["claude_code", "lines_removed", null, "80", null],
      ["claude_code", "output_tokens", "claude-sonnet-4-6", "1000", null],
      ["claude_code", "pull_requests", null, "2", null],
      ["claude_code", "sessions", null, "5", null],
      ["claude_code/edit_tool", "tool_accepted", null, "10", null],
      ["claude_code/edit_tool", "tool_rejected", null, "4", null],
      ["claude_code/write_tool", "tool_accepted", null, "2", null],
      ["claude_code/write_tool", "tool_rejected", null, "0", null],
    ]);
    expect(new Set(all.map((row) => row["x_source_record_id"])).size).toBe(14);
    for (const row of all) {
      expect(row).toMatchObject({
        usage_date: "2026-07-01",
        provider: "anthropic",
        account_id: "8d1f0c2a",
        customer_type: "subscription",
        currency: row["metric"] === "estimated_cost" ? "USD" : null,
      });
    }
  });

  it("keeps the name of a key, which is no person", async () => {
    const ofKey = (await rows()).filter((row) => row["customer_type"] === "api");

    expect(new Set(ofKey.map((row) => row["user_ref"]))).toEqual(new Set(["ci-key"]));
  });

  it("shows nobody when the organization asks for nobody, and adds them up", async () => {
    const all = await rows({ userRef: async () => null });

    const refs = all.map((row) => row["user_ref"]);
    expect(new Set(refs)).toEqual(new Set([null, "ci-key"]));
    expect(all.find((row) => row["user_ref"] === null && row["metric"] === "sessions")).toMatchObject({ value: "5" });
  });

  it("lets no address through without a say of the organization", async () => {
    const { userRef: _without, ...context } = await fixturePull(fixtureHttp({}));

    const answer = await anthropicProcessors["anthropic.activity"](context);

    expect(JSON.stringify(answer).toLowerCase()).not.toContain("ada@example.com");
  });

  it("stands in no table of usage or cost", async () => {
    const { rows: tables, days } = await pulled();

    expect(Object.keys(tables)).toEqual(["genai_activity_daily_raw"]);
    expect(days).toEqual({ "2026-07-01": "complete" });
  });

  it("names an actor that is not known nobody, with a finding", async () => {
    const unknown = fixture("claude-code").replaceAll("api_actor", "robot_actor");

    const { rows: tables, findings } = await pulled({}, { [paths.activity]: unknown });

    expect(tables["genai_activity_daily_raw"]?.some((row) => row["user_ref"] === null)).toBe(true);
    expect(findings).toEqual(
      expect.arrayContaining([{ code: "unknown_field", path: "actor.type", count: 1, first: "robot_actor" }]),
    );
  });

  it.each([
    ["the metadata turns it off", { metadata: { include_claude_code: false } }, {}, [], 0],
    [
      "the credential is restricted to workspaces",
      { metadata: { project_ids: ["wrkspc_01AAA"] } },
      {},
      ["Claude Code activity is left out: it cannot be restricted to project_ids."],
      0,
    ],
    ["it is denied", {}, { [paths.activity]: 403 }, ["Claude Code activity is left out: The provider answered 403"], 1],
    [
      "it does not exist",
      {},
      { [paths.activity]: 404 },
      ["Claude Code activity is left out: The provider answered 404"],
      1,
    ],
  ])("is left out, and holds no day back, when %s", async (_what, changes, answers, warnings, asked) => {
    const calls: FixtureCall[] = [];

    const answer = await pulled(changes, answers, calls);

    expect(answer).toEqual({
      rows: { genai_activity_daily_raw: [] },
      days: { "2026-07-01": "empty" },
      findings: [],
      warnings,
    });
    expect(calls).toHaveLength(asked);
  });

  it("refuses one estimate in two currencies", async () => {
    const page = JSON.parse(fixture("claude-code")) as {
      data: { model_breakdown: { estimated_cost: { currency: string } }[] }[];
    };
    const cost = page.data[1]?.model_breakdown[0]?.estimated_cost;
    if (cost) cost.currency = "EUR";

    await expect(pulled({}, { [paths.activity]: JSON.stringify(page) })).rejects.toMatchObject({
      code: "PROVIDER_BAD_RESPONSE",
    });
  });
});
