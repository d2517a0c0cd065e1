import { describe, expect, it } from "vitest";
import type { FixtureAnswers } from "../fixtures/fixture-http.ts";
import { paths } from "./client.ts";
import { fixture, fixtureHttp, fixturePull } from "./fixtures/fixture-anthropic.ts";
import { anthropicProcessors } from "./processors.ts";

type Json = Record<string, unknown>;

const files = { costs: paths.costs, usage: paths.usage, "claude-code": paths.activity } as const;
const processors = { costs: "anthropic.costs", usage: "anthropic.usage", "claude-code": "anthropic.activity" } as const;
type File = keyof typeof files;

/** Every field that is read, by its JSON path. */
const used = {
  costs: [
    "$.data",
    "$.has_more",
    "$.next_page",
    ..."starting_at ending_at results".split(" ").map((name) => `$.data[0].${name}`),
    ..."amount currency workspace_id description cost_type model token_type service_tier context_window inference_geo"
      .split(" ")
      .map((name) => `$.data[0].results[0].${name}`),
  ],
  usage: [
    "$.data",
    "$.has_more",
    "$.next_page",
    ..."starting_at ending_at results".split(" ").map((name) => `$.data[0].${name}`),
    ..."uncached_input_tokens cache_read_input_tokens cache_creation output_tokens server_tool_use workspace_id api_key_id model service_tier context_window inference_geo"
      .split(" ")
      .map((name) => `$.data[0].results[0].${name}`),
    "$.data[0].results[0].cache_creation.ephemeral_5m_input_tokens",
    "$.data[0].results[0].cache_creation.ephemeral_1h_input_tokens",
    "$.data[0].results[0].server_tool_use.web_search_requests",
  ],
  "claude-code": [
    "$.data",
    "$.has_more",
    "$.next_page",
    ..."date actor customer_type core_metrics tool_actions model_breakdown actor.type actor.email_address"
      .split(" ")
      .map((name) => `$.data[0].${name}`),
    ..."num_sessions lines_of_code lines_of_code.added lines_of_code.removed commits_by_claude_code pull_requests_by_claude_code"
      .split(" ")
      .map((name) => `$.data[0].core_metrics.${name}`),
    "$.data[0].tool_actions.edit_tool.accepted",
    "$.data[0].tool_actions.edit_tool.rejected",
    ..."model tokens tokens.input tokens.output tokens.cache_read tokens.cache_creation estimated_cost estimated_cost.amount estimated_cost.currency"
      .split(" ")
      .map((name) => `$.data[0].model_breakdown[0].${name}`),
    "$.data[2].actor.api_key_name",
  ],
} as const satisfies Record<File, readonly string[]>;

const usedFields = (Object.keys(used) as File[]).flatMap((file) => used[file].map((path) => ({ file, path })));

/** The fixture with one field changed; the change gets the object that holds it and its name. */
function changed(file: File, path: string, change: (holder: Json, name: string) => void): FixtureAnswers {
  const page = JSON.parse(fixture(file)) as Json;
  const steps = path
    .slice(2)
    .split(/\.|\[(\d+)\]\.?/)
    .filter(Boolean);
  const name = steps.pop() ?? "";
  const holder = steps.reduce((object: Json, step) => object[step] as Json, page);
  change(holder, name);
  return { [files[file]]: JSON.stringify(page) };
}

async function pull(file: File, answers: FixtureAnswers) {
  return anthropicProcessors[processors[file]](await fixturePull(fixtureHttp(answers)));
}

describe("a changed answer of Anthropic", () => {
  it.each(usedFields)("is drift when $path of $file is missing", async ({ file, path }) => {
    const answers = changed(file, path, (holder, name) => delete holder[name]);

    await expect(pull(file, answers)).rejects.toMatchObject({
      code: "PROVIDER_SCHEMA_DRIFT",
      retryable: false,
      message: expect.stringContaining(`${path}:`),
      fields: [{ path }],
    });
  });

  it.each(usedFields)("is drift when $path of $file has another type", async ({ file, path }) => {
    const answers = changed(file, path, (holder, name) => {
      holder[name] = [true];
    });

    await expect(pull(file, answers)).rejects.toMatchObject({
      code: "PROVIDER_SCHEMA_DRIFT",
      fields: [{ path: expect.stringContaining(path) }],
    });
  });

  it.each([
    ["costs", "$.data[0].results[0].amount", 360],
    ["costs", "$.data[0].results[0].amount", 3.6],
    ["costs", "$.data[0].results[0].amount", "3,60"],
    ["costs", "$.data[0].results[0].amount", "$360"],
    ["costs", "$.data[0].results[0].amount", "NaN"],
    ["costs", "$.data[0].results[0].amount", ""],
    ["costs", "$.data[0].results[0].amount", null],
    ["costs", "$.data[0].results[0].currency", "dollars"],
    ["costs", "$.data[0].results[0].currency", null],
    ["costs", "$.has_more", true],
    ["usage", "$.data[0].results[0].output_tokens", -1],
    ["usage", "$.data[0].results[0].output_tokens", 1.5],
    ["usage", "$.data[0].results[0].output_tokens", 2 ** 53],
    ["usage", "$.data[0].results[0].output_tokens", "90000"],
    ["usage", "$.data[0].results[0].uncached_input_tokens", 2 ** 53 - 1],
    ["claude-code", "$.data[0].model_breakdown[0].estimated_cost.amount", "12.5"],
    ["claude-code", "$.data[0].core_metrics.num_sessions", -1],
  ] as const)("is drift in %s when %s is %j", async (file, path, value) => {
    const answers = changed(file, path, (holder, name) => {
      holder[name] = value;
    });

    await expect(pull(file, answers)).rejects.toMatchObject({ code: "PROVIDER_SCHEMA_DRIFT" });
  });

  it.each([
    ..."workspace_id description cost_type model token_type service_tier context_window inference_geo"
      .split(" ")
      .map((name) => ["costs", `$.data[0].results[0].${name}`, "genai_billed_daily_raw", 6] as const),
    ..."workspace_id api_key_id model service_tier context_window inference_geo"
      .split(" ")
      .map((name) => ["usage", `$.data[0].results[0].${name}`, "genai_usage_daily_raw", 2] as const),
  ])("is none in %s when %s is null", async (file, path, table, rows) => {
    const answers = changed(file, path, (holder, name) => {
      holder[name] = null;
    });

    const pulled = await pull(file, answers);

    expect(pulled.rows[table]).toHaveLength(rows);
  });

  it.each([
    ["costs", "$.data[0].results[0].carbon", "$.data[].results[].carbon"],
    ["usage", "$.data[0].results[0].server_tool_use.code_runs", "$.data[].results[].server_tool_use.code_runs"],
    ["claude-code", "$.data[0].mood", "$.data[].mood"],
  ] as const)("is none when a field is added to %s, which is counted", async (file, path, finding) => {
    const answers = changed(file, path, (holder, name) => {
      holder[name] = 1;
    });

    const [plain, added] = [await pull(file, {}), await pull(file, answers)];

    expect(added.rows).toEqual(plain.rows);
    expect(added.findings).toEqual([{ code: "unknown_field", path: finding, count: 1, first: path }]);
  });
});
