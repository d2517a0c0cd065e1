import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../server.ts";
import { get, type Query, walk } from "../walk-pages.ts";
import { dollars, Exact, keyOfAccount, month, type Row, rowsOf, sum, tokensOf, truthOf } from "./calls.fixture.ts";

const key = keyOfAccount("example-org");
const allGroups = ["workspace_id", "api_key_id", "model", "service_tier", "context_window", "inference_geo"];

let simulator: Simulator;
let organizations: string;
beforeAll(async () => {
  simulator = await startSimulator({ now: "2026-08-15T12:00:00Z", scenario: "wide" });
  organizations = `${simulator.url}/anthropic/v1/organizations`;
});
afterAll(() => simulator.stop());

const costs = (query: Query) => walk(`${organizations}/cost_report`, query, key);
const usage = (query: Query) => walk(`${organizations}/usage_report/messages`, query, key);
const julyTruth = () => truthOf(simulator.url, "2026-07-01", "2026-07-31");

describe("sums over the pages equal the truth to the last digit", () => {
  test("money of a month: in all, per description, per workspace, per day", async () => {
    const truth = await julyTruth();
    const buckets = await costs({ ...month, limit: 4, "group_by[]": ["workspace_id", "description"] });
    const rows = rowsOf(buckets);

    expect(buckets).toHaveLength(31);
    expect([{ currency: "USD", amount: dollars(rows) }]).toEqual(truth.total.billed);
    expect(truth.total.line_items.length).toBeGreaterThan(40);
    for (const { line_item, amount } of truth.total.line_items) {
      expect(dollars(rows.filter((row) => row.description === line_item))).toBe(amount);
    }
    expect(truth.total.workspaces).toHaveLength(3);
    for (const { workspace_id, amount } of truth.total.workspaces) {
      expect(dollars(rows.filter((row) => row.workspace_id === workspace_id))).toBe(amount);
    }
    for (const [index, day] of truth.days.entries()) {
      expect([{ currency: "USD", amount: dollars(buckets[index].results) }]).toEqual(day.billed);
    }
  });

  test("token vectors, also those that are billed elsewhere, and web searches", async () => {
    const truth = (await julyTruth()).total;
    const rows = rowsOf(await usage({ ...month, limit: 9, "group_by[]": allGroups }));

    expect(tokensOf(rows)).toEqual(truth.tokens);
    expect(tokensOf(rows.filter((row) => ["priority", "flex"].includes(row.service_tier)))).toEqual(
      truth.unbilled_tokens,
    );
    expect(sum(rows.map((row) => row.server_tool_use.web_search_requests))).toBe(truth.meters.web_search_requests);
  });

  test("reported money equals tokens x list price, apart from the causes that the truth names", async () => {
    // USD per million: input, cache read, 5m write, 1h write, output; the long band has rates of its own for one model.
    const prices: Record<string, string[]> = {
      "claude-opus-5": ["5", "0.5", "6.25", "10", "25"],
      "claude-sonnet-4-6": ["3", "0.3", "3.75", "6", "15"],
      "claude-sonnet-4-5-20250929": ["3", "0.3", "3.75", "6", "15"],
      "claude-sonnet-4-5-20250929 200k-1M": ["6", "0.6", "7.5", "12", "22.5"],
      "claude-haiku-4-5-20251001": ["1", "0.1", "1.25", "2", "5"],
    };
    const truth = (await julyTruth()).total;
    let computed = new Exact(truth.meters.web_search_requests).times("0.01");
    for (const row of rowsOf(await usage({ ...month, "group_by[]": allGroups }))) {
      if (row.service_tier === "priority" || row.service_tier === "flex") continue;
      const rates = prices[`${row.model} ${row.context_window}`] ?? prices[row.model] ?? [];
      const counts = Object.values(tokensOf([row]));
      const full = rates.reduce(
        (total, rate, index) => total.plus(new Exact(rate).times(counts[index] ?? 0)),
        new Exact(0),
      );
      computed = computed.plus(
        full
          .div(1_000_000)
          .times(row.inference_geo === "us" ? "1.1" : "1")
          .times(row.service_tier === "batch" ? "0.5" : "1"),
      );
    }

    const residual = new Exact(truth.billed[0].amount).minus(computed).toFixed();

    expect(truth.causes.map((cause: Row) => cause.cause)).toEqual([
      "credit_adjustment",
      "not_billed_here",
      "unpriced_model",
      "usage_missing",
    ]);
    expect(sum(truth.causes.map((cause: Row) => cause.amount))).toBe(residual);
  });

  test("every token charge has a description and a usage key of its own, and only priority and flex are left over", async () => {
    const day = { starting_at: "2026-07-08T00:00:00Z", limit: 1, ending_at: "2026-07-09T00:00:00Z" };
    const used = rowsOf(await usage({ ...day, "group_by[]": allGroups.filter((name) => name !== "api_key_id") }));
    const charges = rowsOf(await costs({ ...day, "group_by[]": ["workspace_id", "description"] })).filter(
      (row) => row.cost_type === "tokens",
    );
    const keyOf = (row: Row) =>
      [row.workspace_id, row.model, row.service_tier, row.context_window, row.inference_geo ?? "not_available"].join(
        " ",
      );

    const usedKeys = new Set(used.map(keyOf));
    const leftOver = used.filter((row) => !charges.some((charge) => keyOf(charge) === keyOf(row)));
    const coordinates = charges.map((row) => `${keyOf(row)} ${row.token_type}`);

    expect(charges.every((row) => usedKeys.has(keyOf(row)))).toBe(true);
    expect(new Set(coordinates).size).toBe(coordinates.length);
    expect(new Set(charges.map((row) => `${row.workspace_id} ${row.description}`)).size).toBe(charges.length);
    expect(new Set(leftOver.map((row) => row.service_tier))).toEqual(new Set(["priority", "flex"]));
  });
});

describe("grouping", () => {
  const week = { starting_at: "2026-07-06T00:00:00Z", ending_at: "2026-07-13T00:00:00Z" };

  test("costs add up in every combination, and show only what they group by", async () => {
    const whole = dollars(rowsOf(await costs(week)));
    const described = [
      "description",
      "cost_type",
      "model",
      "token_type",
      "service_tier",
      "context_window",
      "inference_geo",
    ];

    for (const group of [["workspace_id"], ["description"], ["description", "workspace_id"]]) {
      const rows = rowsOf(await costs({ ...week, "group_by[]": group }));

      const hidden = [
        ...(group.includes("workspace_id") ? [] : ["workspace_id"]),
        ...(group.includes("description") ? [] : described),
      ];
      expect(dollars(rows)).toBe(whole);
      for (const name of hidden) expect(rows.every((row) => row[name] === null)).toBe(true);
      expect(rows.length).toBeGreaterThan(7);
    }
  });

  test("usage adds up in every combination, and shows only what it groups by", async () => {
    const dimensions = [...allGroups, "account_id", "service_account_id"];
    const day = { starting_at: "2026-07-07T00:00:00Z", ending_at: "2026-07-08T00:00:00Z" };
    const whole = tokensOf(rowsOf(await usage(day)));

    await fc.assert(
      fc.asyncProperty(fc.subarray(dimensions), async (group) => {
        const rows = rowsOf(await usage({ ...day, "group_by[]": group }));
        expect(tokensOf(rows)).toEqual(whole);
        for (const name of dimensions.filter((one) => !group.includes(one))) {
          expect(rows.every((row) => row[name] === null)).toBe(true);
        }
        expect(new Set(rows.map((row) => group.map((name) => row[name]).join("|"))).size).toBe(rows.length);
      }),
      { numRuns: 20 },
    );
  });

  test("filters are bracketed and cut the sums accordingly", async () => {
    const rows = rowsOf(await usage({ ...week, "group_by[]": ["model", "service_tier"] }));

    const filtered = rowsOf(
      await usage({ ...week, "models[]": ["claude-opus-5"], "service_tiers[]": ["batch", "priority"] }),
    );

    const expected = rows.filter(
      (row) => row.model === "claude-opus-5" && ["batch", "priority"].includes(row.service_tier),
    );
    expect(expected.length).toBeGreaterThan(0);
    expect(tokensOf(filtered)).toEqual(tokensOf(expected));
  });

  test("speed is offered under its beta header only", async () => {
    const query = { ...week, "group_by[]": ["speed"] };
    const url = `${organizations}/usage_report/messages`;

    const without = await get(url, query, key);
    const beta = await get(url, query, { ...key, "anthropic-beta": "fast-mode-2026-02-01" });

    expect([without.status, beta.status]).toEqual([400, 200]);
    expect(beta.body.data[0].results[0].speed).toBe("standard");
    expect("speed" in (await usage(week))[0].results[0]).toBe(false);
  });

  test("hours and minutes add up to their day", async () => {
    const day = { starting_at: "2026-07-01T00:00:00Z", ending_at: "2026-07-02T00:00:00Z" };

    const whole = rowsOf(await usage(day));
    const hours = await usage({ ...day, bucket_width: "1h", limit: 7 });
    const minutes = await usage({ ...day, bucket_width: "1m", limit: 1440 });

    expect([hours.length, minutes.length]).toEqual([24, 1440]);
    expect(tokensOf(rowsOf(hours))).toEqual(tokensOf(whole));
    expect(tokensOf(rowsOf(minutes))).toEqual(tokensOf(whole));
  });
});

describe("pages", () => {
  test.each([
    ["cost_report", {}, 7],
    ["cost_report", { limit: 31 }, 31],
    ["usage_report/messages", {}, 7],
    ["usage_report/messages", { limit: 31 }, 31],
    ["usage_report/messages", { bucket_width: "1h" }, 24],
    ["usage_report/messages", { bucket_width: "1h", limit: 168 }, 168],
    ["usage_report/messages", { bucket_width: "1m" }, 60],
  ])("%s with %j has %i buckets and more to come", async (path, query, buckets) => {
    const { body } = await get(`${organizations}/${path}`, { starting_at: "2026-01-01T00:00:00Z", ...query }, key);

    expect([body.data.length, body.has_more]).toEqual([buckets, true]);
    expect(body.next_page).toMatch(/^page_/);
  });

  test("any page size walks over the same buckets, the last of which ends at now when no end is given", async () => {
    const whole = await costs({ ...month, limit: 31 });
    const open = await costs({ starting_at: "2026-08-10T07:30:00+02:00" });

    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 31 }), async (limit) => {
        expect(await costs({ ...month, limit })).toEqual(whole);
      }),
      { numRuns: 6 },
    );
    expect(open.map((bucket) => bucket.starting_at).at(0)).toBe("2026-08-10T00:00:00Z");
    expect(open.map((bucket) => bucket.ending_at).at(-1)).toBe("2026-08-16T00:00:00Z");
  });

  test.each([
    ["cost_report", { limit: 0 }, "limit"],
    ["cost_report", { limit: 32 }, "limit"],
    ["cost_report", { bucket_width: "1h" }, "bucket_width"],
    ["cost_report", { "group_by[]": ["api_key_id"] }, "group_by.0"],
    ["cost_report", { group_by: ["description"] }, "group_by"],
    ["cost_report", { "models[]": ["claude-opus-5"] }, "models[]"],
    ["cost_report", { ending_at: "2026-07-01T00:00:00Z" }, "ending_at"],
    ["cost_report", { starting_at: "2026-07-01" }, "starting_at"],
    ["cost_report", { starting_at: "2026-02-30T00:00:00Z" }, "starting_at"],
    ["cost_report", { starting_at: 1782864000 }, "starting_at"],
    ["cost_report", { page: "page_AAAA" }, "page"],
    ["usage_report/messages", { limit: 32 }, "limit"],
    ["usage_report/messages", { bucket_width: "1h", limit: 169 }, "limit"],
    ["usage_report/messages", { bucket_width: "1m", limit: 1441 }, "limit"],
    ["usage_report/messages", { "group_by[]": ["model", "colour"] }, "group_by.1"],
    ["usage_report/messages", { "service_tiers[]": ["quantum"] }, "service_tiers.0"],
    ["usage_report/messages", { "context_window[]": ["1M"] }, "context_window.0"],
    ["usage_report/messages", { "inference_geos[]": ["mars"] }, "inference_geos.0"],
    ["usage_report/messages", { "speeds[]": ["fast"] }, "speeds[]"],
  ])("%s with %j is a 400 that names %s", async (path, query, parameter) => {
    const { status, body } = await get(
      `${organizations}/${path}`,
      { starting_at: "2026-07-01T00:00:00Z", ...query },
      key,
    );

    expect([status, body.type, body.error.type]).toEqual([400, "error", "invalid_request_error"]);
    expect(body.error.message).toMatch(new RegExp(`^${parameter.replace("[]", "\\[\\]")}: `));
  });

  test("starting_at is required", async () => {
    const { status, body } = await get(`${organizations}/cost_report`, {}, key);

    expect([status, body.error.message]).toEqual([400, "starting_at: Field required"]);
  });

  test("a cursor continues only the query and the report that it was given for", async () => {
    const { body } = await get(`${organizations}/cost_report`, month, key);
    const continued = { ...month, page: body.next_page };

    const grouped = await get(`${organizations}/cost_report`, { ...continued, "group_by[]": ["description"] }, key);
    const elsewhere = await get(`${organizations}/usage_report/messages`, continued, key);
    const right = await get(`${organizations}/cost_report`, { ...continued, limit: 2 }, key);

    expect([grouped.status, elsewhere.status, right.status]).toEqual([400, 400, 200]);
    expect(right.body.data[0].starting_at).toBe("2026-07-08T00:00:00Z");
  });
});

describe("the data", () => {
  test("have three workspaces of two keys and a Console, five models, all tiers, bands, places and parts, and one credit a month", async () => {
    const rows = rowsOf(await usage({ ...month, limit: 31, "group_by[]": allGroups }));
    const charges = rowsOf(await costs({ ...month, limit: 31, "group_by[]": ["description"] }));
    const values = (name: string) => new Set(rows.map((row) => row[name]));

    expect(values("workspace_id").size).toBe(3);
    expect(values("workspace_id")).toContain(null);
    expect(values("api_key_id").size).toBe(7);
    expect(values("api_key_id")).toContain(null);
    expect(values("model").size).toBe(5);
    expect(values("service_tier")).toEqual(new Set(["standard", "batch", "priority", "flex"]));
    expect(values("context_window")).toEqual(new Set(["0-200k", "200k-1M"]));
    expect(values("inference_geo")).toEqual(new Set(["global", "us", "not_available"]));
    expect(Object.values(tokensOf(rows)).every((count) => count !== "0")).toBe(true);
    expect(new Set(charges.map((row) => row.cost_type))).toEqual(
      new Set(["tokens", "web_search", "code_execution", null]),
    );
    expect(charges.filter((row) => row.amount.startsWith("-"))).toEqual([
      expect.objectContaining({ description: "Promotional credit", cost_type: null, workspace_id: null, model: null }),
    ]);
    expect(charges.every((row) => typeof row.amount === "string" && /^-?\d+(\.\d{1,10})?$/.test(row.amount))).toBe(
      true,
    );
  });

  test("rest on weekends, grow, and spike every 45th day", async () => {
    const output = async (day: string) => Number((await truthOf(simulator.url, day, day)).total.tokens.output);
    const ratio = async (day: string, other: string) => (await output(day)) / (await output(other));

    expect(await ratio("2026-07-04", "2026-07-03")).toBeCloseTo(0.3, 0.5);
    expect(await ratio("2026-07-15", "2026-01-14")).toBeCloseTo(1.003 ** 182, 0);
    expect(await ratio("2026-05-15", "2026-05-14")).toBeCloseTo(6, -0.5);
  });
});
