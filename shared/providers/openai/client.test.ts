import { describe, expect, it } from "vitest";
import { AppError } from "#shared/runtime/errors.ts";
import type { FixtureAnswers, FixtureCall } from "../fixtures/fixture-http.ts";
import type { PullContext } from "../provider.ts";
import type { ProviderHttp } from "../provider-http.ts";
import { fixture, fixtureHttp, fixturePull, workedExample } from "./fixtures/fixture-openai.ts";
import { openaiProcessors } from "./processors.ts";

const costs = "/v1/organization/costs";
const completions = "/v1/organization/usage/completions";
const empty = { ...(JSON.parse(fixture("empty-day")) as object) };

interface CostPage {
  data: { start_time: number; end_time: number; results: { line_item: string }[] }[];
}

/** The fixture's results cut into pages by index, with a cursor between them. */
function costPages(...parts: number[][]): string[] {
  const page = JSON.parse(fixture("costs")) as CostPage;
  const [bucket] = page.data;
  return parts.map((indexes, number) => {
    const isLast = number === parts.length - 1;
    const data =
      bucket && indexes.length > 0
        ? [{ ...bucket, results: bucket.results.filter((_, index) => indexes.includes(index)) }]
        : [];
    return JSON.stringify({ ...page, data, has_more: !isLast, next_page: isLast ? null : `cursor_${number}` });
  });
}

async function pullCosts(answers: FixtureAnswers, changes: Partial<PullContext> = {}, calls: FixtureCall[] = []) {
  return openaiProcessors["openai.costs"](
    await fixturePull(fixtureHttp({ ...workedExample, ...answers }, calls), changes),
  );
}

async function pullUsage(answers: FixtureAnswers, changes: Partial<PullContext> = {}) {
  return openaiProcessors["openai.usage"](await fixturePull(fixtureHttp({ ...workedExample, ...answers }), changes));
}

describe("reading OpenAI's pages", () => {
  it.each([
    ["in two halves", costPages([0, 1], [2, 3, 4])],
    ["in another order", costPages([4, 3], [2], [1, 0])],
    ["with empty pages between", costPages([], [0, 1, 2, 3], [], [4])],
  ])("gives equal rows when a bucket comes %s", async (_how, pages) => {
    const whole = await pullCosts({});

    const split = await pullCosts({ [costs]: pages });

    expect(split).toEqual(whole);
  });

  it("refuses a bucket that comes twice with overlapping results", async () => {
    await expect(pullCosts({ [costs]: costPages([0, 1], [1, 2]) })).rejects.toMatchObject({
      code: "PROVIDER_BAD_RESPONSE",
      retryable: true,
    });
  });

  it("ends a walk whose cursor comes back", async () => {
    const looping = JSON.stringify({ ...empty, has_more: true, next_page: "again" });

    await expect(openaiProcessors["openai.costs"](await fixturePull({ get: loop(looping) }))).rejects.toMatchObject({
      code: "PROVIDER_PAGE_LOOP",
      retryable: false,
    });
  });

  it("ends a walk of more pages than the registry allows", async () => {
    const context = await fixturePull(fixtureHttp({}));
    let page = 0;
    const get: ProviderHttp["get"] = async (path) => {
      page += 1;
      return fixtureHttp({ [path]: JSON.stringify({ ...empty, has_more: true, next_page: `cursor_${page}` }) }).get(
        path,
      );
    };

    const pull = openaiProcessors["openai.costs"]({
      ...context,
      http: { get },
      provider: { ...context.provider, max_pages: 5 },
    });

    await expect(pull).rejects.toMatchObject({ code: "PROVIDER_PAGE_LOOP" });
    expect(page).toBe(5);
  });

  it("leaves out a group that the provider no longer knows, once, with a finding", async () => {
    const calls: FixtureCall[] = [];
    const fixtures = fixtureHttp(workedExample, calls);
    const get: ProviderHttp["get"] = async (path, query = {}) => {
      const groups = query["group_by[]"];
      if (Array.isArray(groups) && groups.includes("api_key_id")) {
        const message =
          "OpenAI no longer accepts this request (HTTP 400): group_by: Invalid value: 'api_key_id'. Supported: 'project_id', 'line_item'.";
        throw new AppError("PROVIDER_SCHEMA_DRIFT", message, { extra: { provider_status: 400 } });
      }
      return fixtures.get(path, query);
    };

    const pulled = await openaiProcessors["openai.costs"](await fixturePull({ get }));

    expect(calls[0]?.query["group_by[]"]).toEqual(["project_id", "line_item"]);
    expect(pulled.findings).toEqual([{ code: "unknown_field", path: "group_by[]=api_key_id", count: 1, first: costs }]);
    expect(pulled.rows["genai_billed_daily_raw"]?.map((row) => row["api_key_id"])).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  it("asks for unbroken ranges of days only", async () => {
    const calls: FixtureCall[] = [];
    const days = ["2026-07-01", "2026-07-03", "2026-06-30"];

    await pullCosts({ [costs]: JSON.stringify({ ...empty, data: [] }) }, { days }, calls);

    const ranges = calls
      .filter(({ path }) => path === costs)
      .map(({ query }) => [query["start_time"], query["end_time"]]);
    expect(ranges).toEqual([
      [1782777600, 1782950400],
      [1783036800, 1783123200],
    ]);
  });
});

describe("the state of a day", () => {
  it("is empty when the provider answers with an empty bucket", async () => {
    const pulled = await pullCosts({ [costs]: fixture("empty-day") });

    expect([pulled.days, pulled.rows]).toEqual([{ "2026-07-01": "empty" }, { genai_billed_daily_raw: [] }]);
  });

  it("is unavailable, and named, when the provider sends no bucket for it", async () => {
    const pulled = await pullCosts({}, { days: ["2026-07-01", "2026-07-02"] });

    expect(pulled.days).toEqual({ "2026-07-01": "complete", "2026-07-02": "unavailable" });
    expect(pulled.warnings).toEqual(["OpenAI gave no answer for 2026-07-02."]);
  });

  it("is partial while the UTC day lasts", async () => {
    const pulled = await pullCosts({}, { now: new Date("2026-07-01T23:59:59.999Z") });

    expect(pulled.days).toEqual({ "2026-07-01": "partial" });
  });

  it("holds back rows of a day whose completions did not come", async () => {
    const pulled = await pullUsage({ [completions]: JSON.stringify({ ...empty, data: [] }) });

    expect([pulled.days, pulled.rows]).toEqual([{ "2026-07-01": "unavailable" }, { genai_usage_daily_raw: [] }]);
  });
});

describe("what a run survives", () => {
  it("warns of a further usage endpoint that does not exist", async () => {
    const pulled = await pullUsage({ "/v1/organization/usage/vector_stores": 404 });

    expect(pulled.warnings).toEqual(["OpenAI does not offer vector_stores; its usage is not part of this run."]);
    expect(pulled.rows["genai_usage_daily_raw"]).toHaveLength(2);
  });

  it.each([
    ["the Costs API is missing", () => pullCosts({ [costs]: 404 }), "PROVIDER_NOT_FOUND"],
    ["completions are missing", () => pullUsage({ [completions]: 404 }), "PROVIDER_NOT_FOUND"],
    ["another endpoint fails", () => pullUsage({ "/v1/organization/usage/images": 503 }), "PROVIDER_UNAVAILABLE"],
    ["another endpoint is denied", () => pullUsage({ "/v1/organization/usage/images": 403 }), "PROVIDER_FORBIDDEN"],
  ])("fails when %s", async (_what, pull, code) => {
    await expect(pull()).rejects.toMatchObject({ code });
  });

  it.each([403, 429, 503])("leaves names empty when their look-up ends in %i", async (status) => {
    const pulled = await pullCosts({ "/v1/organization/projects": status });

    expect(pulled.rows["genai_billed_daily_raw"]?.every((row) => row["project_name"] === null)).toBe(true);
    expect(pulled.findings).toMatchObject([{ code: "name_lookup_failed", count: 1 }]);
  });

  it("keeps the money of an unknown line item, with one finding for all its rows", async () => {
    const page = fixture("costs")
      .replaceAll("web search tool calls", "gödel 🚀 engine")
      .replaceAll("gpt-5.4-mini-2026-03-17, output", "gödel 🚀 engine");

    const pulled = await pullCosts({ [costs]: page });

    const rows = pulled.rows["genai_billed_daily_raw"]?.filter((row) => row["line_item"] === "gödel 🚀 engine");
    expect(rows).toMatchObject([{ cost_type: "other", model: null, amount: "0.9405", quantity: null }]);
    expect(pulled.findings).toEqual([
      { code: "unknown_line_item", path: "gödel 🚀 engine", count: 2, first: "2026-07-01" },
    ]);
  });

  it("keeps another currency and says so, and never adds two", async () => {
    const foreign = await pullCosts({ [costs]: fixture("costs").replaceAll('"usd"', '"eur"') });
    const mixed = fixture("costs")
      .replaceAll("web search tool calls", "gpt-5.4-mini-2026-03-17, output")
      .replace('0.9, "currency": "usd"', '0.9, "currency": "eur"');

    expect(foreign.rows["genai_billed_daily_raw"]?.every((row) => row["currency"] === "EUR")).toBe(true);
    expect(foreign.findings).toMatchObject([{ code: "currency_changed", first: "EUR", count: 5 }]);
    await expect(pullCosts({ [costs]: mixed })).rejects.toMatchObject({ code: "PROVIDER_BAD_RESPONSE" });
  });

  it("refuses a group that the Costs API does not have", async () => {
    await expect(pullCosts({}, { config: { group_by: ["model"] } })).rejects.toMatchObject({
      code: "CONFIG_FILE_INVALID",
    });
  });
});

/** The same page again and again, whatever cursor is asked for. */
function loop(page: string): ProviderHttp["get"] {
  return async (path) => fixtureHttp({ [path]: page }).get(path);
}
