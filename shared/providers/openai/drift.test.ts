import { describe, expect, it } from "vitest";
import type { FixtureAnswers } from "../fixtures/fixture-http.ts";
import { fixture, fixtureHttp, fixturePull, workedExample } from "./fixtures/fixture-openai.ts";
import { openaiProcessors } from "./processors.ts";

type Json = Record<string, unknown>;

const costs = "/v1/organization/costs";
const completions = "/v1/organization/usage/completions";
const searches = "/v1/organization/usage/web_search_calls";

/** The fixture's page with one change at its page, its bucket, its first result or that one's amount. */
function changed(name: string, level: "page" | "bucket" | "result" | "amount", change: (target: Json) => void): string {
  const page = JSON.parse(fixture(name)) as { data: [{ results: [{ amount: Json }] }] };
  const bucket = page.data[0];
  const targets = { page, bucket, result: bucket.results[0], amount: bucket.results[0].amount };
  change(targets[level] as unknown as Json);
  return JSON.stringify(page);
}

async function pull(answers: FixtureAnswers) {
  const context = await fixturePull(fixtureHttp({ ...workedExample, ...answers }));
  const costRows = await openaiProcessors["openai.costs"](context);
  return { costs: costRows, usage: await openaiProcessors["openai.usage"](context) };
}

const pathOf = {
  page: "$",
  bucket: "$.data[0]",
  result: "$.data[0].results[0]",
  amount: "$.data[0].results[0].amount",
};

const used = [
  [costs, "costs", "page", "data has_more next_page"],
  [costs, "costs", "bucket", "start_time end_time results"],
  [costs, "costs", "result", "amount line_item project_id api_key_id quantity"],
  [costs, "costs", "amount", "value currency"],
  [
    completions,
    "usage-completions",
    "result",
    "input_tokens output_tokens num_model_requests project_id api_key_id model batch service_tier",
  ],
  [searches, "usage-web-search-calls", "result", "num_requests project_id api_key_id model context_level"],
] as const;

const usedFields = used.flatMap(([path, name, level, fields]) =>
  fields.split(" ").map((field) => ({ path, name, level, field })),
);

const optional = [
  "input_cached_tokens",
  "input_cache_write_tokens",
  "input_uncached_tokens",
  "input_audio_tokens",
  "output_audio_tokens",
];

describe("a changed answer of OpenAI", () => {
  it.each(usedFields)(
    "is drift when $field is missing in the $level of $name",
    async ({ path, name, level, field }) => {
      const answer = changed(name, level, (target) => delete target[field]);

      await expect(pull({ [path]: answer })).rejects.toMatchObject({
        code: "PROVIDER_SCHEMA_DRIFT",
        retryable: false,
        message: expect.stringContaining(`${pathOf[level]}.${field}:`),
        fields: [{ path: `${pathOf[level]}.${field}` }],
      });
    },
  );

  it.each(usedFields)(
    "is drift when $field has another type in the $level of $name",
    async ({ path, name, level, field }) => {
      const answer = changed(name, level, (target) => {
        target[field] = { other: true };
      });

      await expect(pull({ [path]: answer })).rejects.toMatchObject({
        code: "PROVIDER_SCHEMA_DRIFT",
        fields: [{ path: expect.stringContaining(`${pathOf[level]}.${field}`) }],
      });
    },
  );

  it.each(optional)("is drift when the optional %s has another type", async (field) => {
    const answer = changed("usage-completions-newer", "result", (target) => {
      target[field] = "40000";
    });

    await expect(pull({ [completions]: answer })).rejects.toMatchObject({
      fields: [{ path: `$.data[0].results[0].${field}` }],
    });
  });

  it.each([
    [costs, "costs", "amount", "value", "0.06"],
    [costs, "costs", "amount", "value", null],
    [costs, "costs", "amount", "currency", "dollars"],
    [costs, "costs", "result", "quantity", -1],
    [costs, "costs", "result", "quantity", "80000"],
    [costs, "costs", "page", "has_more", true],
    [completions, "usage-completions", "result", "output_tokens", -1],
    [completions, "usage-completions", "result", "output_tokens", 1.5],
    [completions, "usage-completions", "result", "output_tokens", 2 ** 53],
    [completions, "usage-completions", "result", "input_cached_tokens", 120001],
    [completions, "usage-completions-newer", "result", "input_uncached_tokens", 80001],
  ] as const)("is drift in %s (%s, %s.%s = %s)", async (path, name, level, field, value) => {
    const answer = changed(name, level, (target) => {
      target[field] = value;
    });

    await expect(pull({ [path]: answer })).rejects.toMatchObject({ code: "PROVIDER_SCHEMA_DRIFT" });
  });

  it.each([
    ["before", { start_time: 1782777600, end_time: 1782864000 }],
    ["after", { start_time: 1782950400, end_time: 1783036800 }],
    ["inside but not at the start of", { start_time: 1782867600, end_time: 1782950400 }],
    ["longer than", { start_time: 1782864000, end_time: 1783036800 }],
  ])("is drift when a bucket lies %s the day asked for", async (_where, times) => {
    const answer = changed("costs", "bucket", (target) => Object.assign(target, times));

    await expect(pull({ [costs]: answer })).rejects.toMatchObject({ code: "PROVIDER_SCHEMA_DRIFT" });
  });

  it.each(["line_item", "project_id", "api_key_id", "quantity", "quantity_unit"])(
    "is none when %s is null",
    async (field) => {
      const answer = changed("costs", "result", (target) => {
        target[field] = null;
      });

      const pulled = await pull({ [costs]: answer });

      expect(pulled.costs.rows["genai_billed_daily_raw"]).toHaveLength(5);
    },
  );

  it("is none when an older account has no quantity_unit", async () => {
    const answer = changed("costs", "result", (target) => delete target["quantity_unit"]);

    const pulled = await pull({ [costs]: answer });

    expect(pulled.costs.rows["genai_billed_daily_raw"]).toHaveLength(5);
  });

  it("is none when fields are added, which are counted", async () => {
    const answer = changed("costs", "result", (target) => {
      target["carbon"] = 1;
    });

    const [plain, added] = [await pull({}), await pull({ [costs]: answer })];

    expect(added.costs.rows).toEqual(plain.costs.rows);
    expect(added.costs.findings).toEqual([
      { code: "unknown_field", path: "$.data[].results[].carbon", count: 1, first: "$.data[0].results[0].carbon" },
    ]);
  });

  it("drops the modality parts of a side that they exceed, and says so", async () => {
    const answer = changed("usage-completions", "result", (target) => {
      target["input_audio_tokens"] = 80001;
    });

    const { usage } = await pull({ [completions]: answer });

    const row = usage.rows["genai_usage_daily_raw"]?.find(({ meter }) => meter === "tokens");
    expect(row).toMatchObject({ uncached_input_tokens: 80000, audio_input_tokens: null, audio_output_tokens: 0 });
    expect(usage.findings).toMatchObject([{ code: "modality_mismatch", path: "uncached_input_tokens", count: 1 }]);
  });
});
