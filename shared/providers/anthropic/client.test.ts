import { describe, expect, it } from "vitest";
import type { FixtureAnswers } from "../fixtures/fixture-http.ts";
import { secret } from "../fixtures/loopback-provider.ts";
import type { PullContext, Pulled } from "../provider.ts";
import { paths } from "./client.ts";
import { bucketWith, fixture, fixturePull, resultsOf } from "./fixtures/fixture-anthropic.ts";
import { loopbackAnthropic } from "./fixtures/loopback-anthropic.ts";
import { anthropicProcessors } from "./processors.ts";

type Name = keyof typeof anthropicProcessors;

async function pull(name: Name, answers: FixtureAnswers, changes: Partial<PullContext> = {}): Promise<Pulled> {
  const { http } = await loopbackAnthropic(answers);
  return anthropicProcessors[name](await fixturePull(http, changes));
}

/** The cost fixture's results cut into pages by index, with a cursor between them. */
function costPages(...parts: number[][]): string[] {
  const results = resultsOf("costs");
  return parts.map((indexes, number) => {
    const isLast = number === parts.length - 1;
    const page = JSON.parse(
      bucketWith(
        "costs",
        results.filter((_, index) => indexes.includes(index)),
      ),
    ) as object;
    return JSON.stringify({ ...page, has_more: !isLast, next_page: isLast ? null : `page_${number}` });
  });
}

describe("calls to Anthropic", () => {
  it("carry the key and the API version in headers, never in the address", async () => {
    const { http, requests } = await loopbackAnthropic({});

    await anthropicProcessors["anthropic.usage"](await fixturePull(http));

    expect(requests).toHaveLength(3);
    for (const { headers, url } of requests) {
      expect([headers["x-api-key"], headers["anthropic-version"]]).toEqual([secret, "2023-06-01"]);
      expect(headers["user-agent"]).toMatch(/^cost-atlas\//);
      expect(url).not.toContain("canary");
    }
  });

  it("repeat brackets for each group", async () => {
    const { http, requests } = await loopbackAnthropic({});

    await anthropicProcessors["anthropic.costs"](await fixturePull(http));

    const asked = new URL(requests[0]?.url ?? "", "http://127.0.0.1").searchParams;
    expect(asked.getAll("group_by[]")).toEqual(["workspace_id", "description"]);
  });

  it("ask for unbroken ranges of days only, and for one day of activity per call", async () => {
    const { http, requests } = await loopbackAnthropic({
      [paths.costs]: JSON.stringify({ data: [], has_more: false, next_page: null }),
      [paths.activity]: JSON.stringify({ data: [], has_more: false, next_page: null }),
    });
    const context = await fixturePull(http, { days: ["2026-07-01", "2026-07-03", "2026-06-30"] });

    await anthropicProcessors["anthropic.costs"](context);
    await anthropicProcessors["anthropic.activity"](context);

    const asked = requests.map(({ url = "" }) => new URL(url, "http://127.0.0.1").searchParams);
    expect(asked.map((query) => [query.get("starting_at"), query.get("ending_at")])).toEqual([
      ["2026-06-30T00:00:00Z", "2026-07-02T00:00:00Z"],
      ["2026-07-03T00:00:00Z", "2026-07-04T00:00:00Z"],
      ["2026-06-30", null],
      ["2026-07-01", null],
      ["2026-07-03", null],
    ]);
  });
});

describe("reading Anthropic's pages", () => {
  it.each([
    ["in two halves", costPages([0, 1], [2, 3, 4, 5])],
    ["in another order", costPages([5, 4], [3], [2, 1, 0])],
    ["with empty pages between", costPages([], [0, 1, 2, 3], [], [4, 5])],
  ])("gives equal rows when a bucket comes %s", async (_how, pages) => {
    const whole = await pull("anthropic.costs", {});

    const split = await pull("anthropic.costs", { [paths.costs]: pages });

    expect(split).toEqual(whole);
  });

  it("gives equal rows when activity comes in pages", async () => {
    const page = JSON.parse(fixture("claude-code")) as { data: unknown[] };
    const pages = page.data.map((record, index) =>
      JSON.stringify({ data: [record], has_more: index < 2, next_page: index < 2 ? `page_${index}` : null }),
    );

    expect(await pull("anthropic.activity", { [paths.activity]: pages })).toEqual(await pull("anthropic.activity", {}));
  });

  it("follows the names of keys over pages", async () => {
    const page = JSON.parse(fixture("api-keys")) as object;
    const pages = [
      JSON.stringify({ data: [{ id: "apikey_00", name: "other" }], has_more: true, last_id: "apikey_00" }),
      JSON.stringify(page),
    ];

    const { rows } = await pull("anthropic.usage", { [paths.apiKeys]: pages });

    expect(rows["genai_usage_daily_raw"]?.[0]).toMatchObject({ api_key_name: "assistant-prod" });
  });

  it("refuses a bucket that comes twice with overlapping results", async () => {
    const twice = costPages([0, 1], [1, 2]);

    await expect(pull("anthropic.costs", { [paths.costs]: twice })).rejects.toMatchObject({
      code: "PROVIDER_BAD_RESPONSE",
      retryable: true,
    });
  });

  it.each([
    ["anthropic.costs", paths.costs],
    ["anthropic.usage", paths.usage],
    ["anthropic.activity", paths.activity],
  ] as const)("ends a walk of %s whose cursor comes back", async (name, path) => {
    const looping = JSON.stringify({ data: [], has_more: true, next_page: "again" });

    await expect(pull(name, { [path]: [looping, looping] })).rejects.toMatchObject({
      code: "PROVIDER_PAGE_LOOP",
      retryable: false,
    });
  });

  it.each([
    ["a bucket of another day", { starting_at: "2026-07-02T00:00:00Z", ending_at: "2026-07-03T00:00:00Z" }],
    ["a bucket that starts within a day", { starting_at: "2026-07-01T01:00:00Z" }],
    ["a bucket of two days", { ending_at: "2026-07-03T00:00:00Z" }],
    ["a start without a zone", { starting_at: "2026-07-01T00:00:00" }],
    ["a start that is no day", { starting_at: "2026-07-32T00:00:00Z" }],
  ])("takes %s for drift", async (_what, times) => {
    const page = JSON.parse(fixture("costs")) as { data: [object] };
    const answer = JSON.stringify({ ...page, data: [{ ...page.data[0], ...times }] });

    await expect(pull("anthropic.costs", { [paths.costs]: answer })).rejects.toMatchObject({
      code: "PROVIDER_SCHEMA_DRIFT",
      fields: [{ path: expect.stringMatching(/^\$\.data\[0\]\.(starting|ending)_at$/) }],
    });
  });

  it("takes activity of another day for drift", async () => {
    await expect(pull("anthropic.activity", {}, { days: ["2026-07-02"] })).rejects.toMatchObject({
      code: "PROVIDER_SCHEMA_DRIFT",
      fields: [{ path: "$.data[0].date" }],
    });
  });
});

describe("the state of a day", () => {
  it.each(["anthropic.costs", "anthropic.usage"] as const)("is empty when %s gets an empty bucket", async (name) => {
    const empty = fixture("empty-day");

    const pulled = await pull(name, { [paths.costs]: empty, [paths.usage]: empty });

    expect(pulled.days).toEqual({ "2026-07-01": "empty" });
  });

  it("is unavailable, and named, when there is no bucket for it", async () => {
    const pulled = await pull("anthropic.costs", {}, { days: ["2026-07-01", "2026-07-02"] });

    expect(pulled.days).toEqual({ "2026-07-01": "complete", "2026-07-02": "unavailable" });
    expect(pulled.warnings).toEqual(["Anthropic gave no answer for 2026-07-02."]);
  });

  it("is partial while the UTC day lasts", async () => {
    const pulled = await pull("anthropic.usage", {}, { now: new Date("2026-07-01T23:59:59.999Z") });

    expect(pulled.days).toEqual({ "2026-07-01": "partial" });
  });
});

describe("what a run survives", () => {
  it.each([
    ["the cost report is missing", "anthropic.costs", { [paths.costs]: 404 }, "PROVIDER_NOT_FOUND"],
    ["the cost report is denied", "anthropic.costs", { [paths.costs]: 403 }, "PROVIDER_FORBIDDEN"],
    ["the usage report is refused", "anthropic.usage", { [paths.usage]: 401 }, "PROVIDER_UNAUTHORIZED"],
    ["the provider is overloaded", "anthropic.usage", { [paths.usage]: 529 }, "PROVIDER_UNAVAILABLE"],
    ["there is no credit", "anthropic.costs", { [paths.costs]: 402 }, "PROVIDER_QUOTA"],
    ["activity fails", "anthropic.activity", { [paths.activity]: 500 }, "PROVIDER_UNAVAILABLE"],
  ] as const)("fails when %s", async (_what, name, answers, code) => {
    await expect(pull(name, answers)).rejects.toMatchObject({ code });
  });

  it.each([403, 404, 503])("leaves names empty when their look-up ends in %i", async (status) => {
    const pulled = await pull("anthropic.usage", { [paths.workspaces]: status, [paths.apiKeys]: status });

    expect(pulled.rows["genai_usage_daily_raw"]?.[0]).toMatchObject({ project_name: null, api_key_name: null });
    expect(pulled.findings).toMatchObject([
      { code: "name_lookup_failed", path: paths.workspaces, count: 1 },
      { code: "name_lookup_failed", path: paths.apiKeys, count: 1 },
    ]);
  });

  it("pulls only the workspaces the credential is restricted to, in both reports", async () => {
    const results = (name: string) => [
      ...resultsOf(name),
      ...resultsOf(name).map((result) => ({ ...result, workspace_id: null })),
    ];
    const answers = {
      [paths.costs]: bucketWith("costs", results("costs")),
      [paths.usage]: bucketWith("usage", results("usage")),
    };
    const metadata = { project_ids: ["default"] };

    const costs = await pull("anthropic.costs", answers, { metadata });
    const usage = await pull("anthropic.usage", answers, { metadata });

    const workspaces = [
      ...(costs.rows["genai_billed_daily_raw"] ?? []),
      ...(usage.rows["genai_usage_daily_raw"] ?? []),
    ];
    expect(workspaces.map((row) => row["project_id"])).toEqual(Array.from({ length: 8 }, () => "default"));
  });

  it("leaves out a group that the provider no longer knows, with a finding", async () => {
    const { http } = await loopbackAnthropic({});
    const get: typeof http.get = async (path, query, signal) => {
      const groups = query?.["group_by[]"];
      if (path === paths.usage && Array.isArray(groups) && groups.includes("inference_geo")) {
        const refused = await loopbackAnthropic({ [paths.usage]: 400 });
        return refused.http.get(path, query, signal).catch((error: Error) => {
          throw Object.assign(error, { message: "group_by: 'inference_geo' is not a valid value" });
        });
      }
      return http.get(path, query, signal);
    };

    const pulled = await anthropicProcessors["anthropic.usage"](await fixturePull({ get }));

    expect(pulled.findings).toEqual([
      { code: "unknown_field", path: "group_by[]=inference_geo", count: 1, first: paths.usage },
    ]);
    expect(pulled.rows["genai_usage_daily_raw"]?.map((row) => row["inference_geo"])).toEqual([null, null]);
  });
});
