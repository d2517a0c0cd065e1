import { Decimal } from "decimal.js";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../server.ts";
import { control, get, type Query, type Reply, secondsOf, walk } from "../walk-pages.ts";

type Row = Reply["body"];
const Exact = Decimal.clone({ precision: 60 });
const month: Query = { start_time: secondsOf("2026-07-01"), end_time: secondsOf("2026-08-01") };
const now = "2026-08-15T12:00:00Z";

let simulator: Simulator;
let organization: string;
beforeAll(async () => {
  simulator = await startSimulator({ now, scenario: "wide" });
  organization = `${simulator.url}/openai/v1/organization`;
});
afterAll(() => simulator.stop());

const costs = (query: Query) => walk(`${organization}/costs`, query);
const usage = (name: string, query: Query) => walk(`${organization}/usage/${name}`, query);
const rowsOf = (buckets: Row[]): Row[] => buckets.flatMap((bucket) => bucket.results);
const money = (rows: Row[]) => sum(rows.map((row) => row.amount.value));
const sum = (values: string[]) => values.reduce((total, value) => total.plus(value), new Exact(0)).toFixed();
const truthOf = async (from: string, to: string, account = "example", url = simulator.url) =>
  (await control(url, "GET", `/truth?provider=openai&account=${account}&from=${from}&to=${to}`)).truth;

describe("sums over the pages equal the truth to the last digit", () => {
  test("money of a month: in all, per line item, per project, per day", async () => {
    const truth = await truthOf("2026-07-01", "2026-07-31");
    const buckets = await costs({ ...month, limit: 4, group_by: ["project_id", "line_item", "api_key_id"] });
    const rows = rowsOf(buckets);

    expect(buckets).toHaveLength(31);
    expect([{ currency: "USD", amount: money(rows) }]).toEqual(truth.total.billed);
    expect(sum(truth.days.map((day: Row) => day.billed[0].amount))).toBe(money(rows));
    for (const { line_item, amount } of truth.total.line_items) {
      expect(money(rows.filter((row) => row.line_item === line_item))).toBe(amount);
    }
    for (const { project_id, amount } of truth.total.projects) {
      expect(money(rows.filter((row) => row.project_id === project_id))).toBe(amount);
    }
    for (const [index, day] of truth.days.entries()) {
      expect(money(buckets[index].results)).toBe(day.billed[0].amount);
    }
  });

  test("token vectors and requests of a month", async () => {
    const truth = (await truthOf("2026-07-01", "2026-07-31")).total;
    const rows = rowsOf(await usage("completions", { ...month, limit: 9, group_by: ["model", "batch", "api_key_id"] }));
    const total = (name: string) => sum(rows.map((row) => row[name]));

    expect({
      uncached: total("input_uncached_tokens"),
      cache_read: total("input_cached_tokens"),
      cache_write: total("input_cache_write_tokens"),
      output: total("output_tokens"),
    }).toEqual(truth.tokens);
    expect(total("num_model_requests")).toBe(truth.requests);
    for (const row of rows) {
      const { input_uncached_tokens, input_cached_tokens, input_cache_write_tokens } = row;
      expect(sum([input_uncached_tokens, input_cached_tokens, input_cache_write_tokens])).toBe(row.input_tokens);
    }
  });

  test.each([
    ["embeddings", "input_tokens"],
    ["moderations", "input_tokens"],
    ["images", "images"],
    ["audio_speeches", "characters"],
    ["audio_transcriptions", "seconds"],
    ["vector_stores", "usage_bytes"],
    ["code_interpreter_sessions", "num_sessions"],
    ["file_search_calls", "num_requests"],
    ["web_search_calls", "num_requests"],
  ])("%s", async (name, metric) => {
    const truth = (await truthOf("2026-07-01", "2026-07-31")).total.meters;
    const rows = rowsOf(await usage(name, { ...month, group_by: ["project_id"] }));

    expect(rows.length).toBeGreaterThan(60);
    expect(sum(rows.map((row) => row[metric]))).toBe(truth[`${name}.${metric}`]);
  });

  test("reported money equals tokens x list price, apart from the causes that the truth names", async () => {
    const prices: Record<string, [string, string, string, string]> = {
      "gpt-5.4-2026-03-05": ["2.5", "0.25", "0", "15"],
      "gpt-5.4-mini-2026-03-17": ["0.75", "0.075", "0", "4.5"],
      "gpt-4o-mini-2024-07-18": ["0.15", "0.075", "0", "0.6"],
      "gpt-5.6-terra": ["2", "0.2", "2.5", "12"],
    };
    const truth = (await truthOf("2026-07-01", "2026-07-31")).total;
    const unit = (name: string, metric: string, price: string) =>
      new Exact(truth.meters[`${name}.${metric}`]).times(price);
    let computed = new Exact(0)
      .plus(unit("web_search_calls", "num_requests", "0.01"))
      .plus(unit("file_search_calls", "num_requests", "0.0025"))
      .plus(unit("code_interpreter_sessions", "num_sessions", "0.03"));
    for (const row of rowsOf(await usage("completions", { ...month, group_by: ["model", "batch"] }))) {
      const [input = "", read = "", write = "", output = ""] = prices[row.model] ?? ["0", "0", "0", "0"];
      const full = new Exact(input)
        .times(row.input_uncached_tokens)
        .plus(new Exact(read).times(row.input_cached_tokens))
        .plus(new Exact(write).times(row.input_cache_write_tokens))
        .plus(new Exact(output).times(row.output_tokens));
      computed = computed.plus(full.div(1_000_000).times(row.batch ? "0.5" : "1"));
    }

    const residual = new Exact(truth.billed[0].amount).minus(computed).toFixed();

    expect(truth.causes.map((cause: Row) => cause.cause)).toEqual(["credit_adjustment", "unpriced_model"]);
    expect(sum(truth.causes.map((cause: Row) => cause.amount))).toBe(residual);
  });
});

describe("grouping", () => {
  const dimensions = ["project_id", "line_item", "api_key_id"];

  test("adds up: every combination gives the same money, and shows only what it groups by", async () => {
    const week = { start_time: secondsOf("2026-07-06"), end_time: secondsOf("2026-07-13") };
    const whole = money(rowsOf(await costs(week)));

    await fc.assert(
      fc.asyncProperty(fc.subarray(dimensions), fc.boolean(), async (group, isBracketed) => {
        const rows = rowsOf(await costs({ ...week, [isBracketed ? "group_by[]" : "group_by"]: group }));
        expect(money(rows)).toBe(whole);
        for (const name of dimensions.filter((one) => !group.includes(one))) {
          expect(rows.every((row) => row[name] === null)).toBe(true);
        }
        expect(rows.every((row) => group.includes("line_item") || row.quantity === null)).toBe(true);
        expect(new Set(rows.map((row) => group.map((name) => row[name]).join("|"))).size).toBeLessThanOrEqual(
          rows.length,
        );
      }),
      { numRuns: 16 },
    );
  });

  test("ungrouped usage is one result a day with all dimensions null", async () => {
    const [bucket] = await usage("completions", {
      start_time: month["start_time"] ?? 0,
      end_time: secondsOf("2026-07-02"),
    });

    expect(bucket.results).toHaveLength(1);
    const { project_id, user_id, api_key_id, model, batch, service_tier } = bucket.results[0];
    expect([project_id, user_id, api_key_id, model, batch, service_tier]).toEqual([null, null, null, null, null, null]);
  });

  test("quantities are stated per line item only, even where every charge is in tokens", async () => {
    // So long before 2026 an account is too small for a single tool call, and only tokens are left.
    const small = await startSimulator({ now, from: "2019-01-01" });
    const query = { start_time: secondsOf("2019-01-02"), limit: 1 };
    const served = async (group_by: string[]): Promise<Row[]> =>
      (await get(`${small.url}/openai/v1/organization/costs`, { ...query, group_by })).body.data[0].results;

    const [lines, projects] = [await served(["line_item"]), await served(["project_id"])];
    await small.stop();

    expect(lines.length).toBeGreaterThan(0);
    expect(lines.every((row) => row.quantity_unit === "tokens" && row.quantity !== null)).toBe(true);
    expect(projects.length).toBeGreaterThan(0);
    expect(projects.every((row) => row.quantity === null && row.quantity_unit === null)).toBe(true);
  });

  test("filters take bare and bracketed values and cut the sums accordingly", async () => {
    const rows = rowsOf(await costs({ ...month, group_by: ["project_id"] }));
    const ids = [...new Set(rows.map((row) => row.project_id))].filter((id) => id !== null);
    const [one, two] = ids;

    const bare = rowsOf(await costs({ ...month, project_ids: [one, two] }));
    const bracketed = rowsOf(await costs({ ...month, "project_ids[]": [one, two] }));

    expect(ids).toHaveLength(3);
    expect(bare).toEqual(bracketed);
    expect(money(bare)).toBe(money(rows.filter((row) => row.project_id === one || row.project_id === two)));
    const batches = rowsOf(await usage("completions", { ...month, group_by: ["batch"], batch: "true" }));
    expect(new Set(batches.map((row) => row.batch))).toEqual(new Set([true]));
  });

  test("hours and minutes add up to their day", async () => {
    const day = { start_time: secondsOf("2026-07-01"), end_time: secondsOf("2026-07-02") };
    const total = (rows: Row[]) => [sum(rows.map((r) => r.input_tokens)), sum(rows.map((r) => r.num_model_requests))];

    const whole = rowsOf(await usage("completions", day));
    const hours = await usage("completions", { ...day, bucket_width: "1h" });
    const minutes = await usage("completions", { ...day, bucket_width: "1m", limit: 1440 });

    expect([hours.length, minutes.length]).toEqual([24, 1440]);
    expect(total(rowsOf(hours))).toEqual(total(whole));
    expect(total(rowsOf(minutes))).toEqual(total(whole));
  });
});

describe("pages", () => {
  test.each([
    ["costs", {}, 7],
    ["costs", { limit: 180 }, 180],
    ["usage/completions", {}, 7],
    ["usage/completions", { limit: 31 }, 31],
    ["usage/completions", { bucket_width: "1h" }, 24],
    ["usage/completions", { bucket_width: "1h", limit: 168 }, 168],
    ["usage/completions", { bucket_width: "1m" }, 60],
  ])("%s with %j has %i buckets and more to come", async (path, query, buckets) => {
    const { body } = await get(`${organization}/${path}`, { start_time: secondsOf("2026-01-01"), ...query });

    expect([body.data.length, body.has_more]).toEqual([buckets, true]);
    expect(body.next_page).toMatch(/^page_/);
  });

  test("any page size walks over the same buckets", async () => {
    const whole = await costs({ ...month, limit: 180 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), async (limit) => {
        expect(await costs({ ...month, limit })).toEqual(whole);
      }),
      { numRuns: 6 },
    );
  });

  test.each([
    ["costs", { limit: 0 }, "limit"],
    ["costs", { limit: 181 }, "limit"],
    ["usage/completions", { limit: 32 }, "limit"],
    ["usage/completions", { bucket_width: "1h", limit: 169 }, "limit"],
    ["usage/completions", { bucket_width: "1m", limit: 1441 }, "limit"],
    ["costs", { bucket_width: "1h" }, "bucket_width"],
    ["costs", { group_by: ["model"] }, "group_by"],
    ["costs", { "group_by[]": ["user_id"] }, "group_by"],
    ["usage/embeddings", { group_by: ["batch"] }, "group_by"],
    ["usage/vector_stores", { group_by: ["api_key_id"] }, "group_by"],
    ["usage/vector_stores", { models: ["gpt-5.6-terra"] }, "models"],
    ["usage/completions", { batch: "maybe" }, "batch"],
    ["costs", { end_time: 1 }, "end_time"],
    ["costs", { start_time: "2026-07-01" }, "start_time"],
    ["costs", { page: "page_AAAA" }, "page"],
    ["costs", { colour: "red" }, "colour"],
  ])("%s with %j is a 400 that names %s", async (path, query, param) => {
    const { status, body } = await get(`${organization}/${path}`, { start_time: secondsOf("2026-07-01"), ...query });

    expect(status).toBe(400);
    expect(body.error).toMatchObject({ type: "invalid_request_error", param });
  });

  test("start_time is required", async () => {
    const { status, body } = await get(`${organization}/costs`);

    expect([status, body.error.code]).toEqual([400, "missing_required_parameter"]);
  });

  test("a cursor continues only the query that it was given for", async () => {
    const { body } = await get(`${organization}/costs`, month);

    const other = await get(`${organization}/costs`, { ...month, group_by: ["line_item"], page: body.next_page });

    expect(other.status).toBe(400);
  });
});

describe("the data", () => {
  test("have three projects of two keys, five models with batch and cached parts, and one credit a month", async () => {
    const rows = rowsOf(
      await usage("completions", { ...month, group_by: ["project_id", "api_key_id", "model", "batch"] }),
    );
    const credits = rowsOf(await costs({ ...month, group_by: ["line_item", "project_id"] })).filter((row) =>
      row.amount.value.startsWith("-"),
    );

    expect(new Set(rows.map((row) => row.project_id)).size).toBe(3);
    expect(new Set(rows.map((row) => row.api_key_id)).size).toBe(6);
    expect(new Set(rows.map((row) => row.model)).size).toBe(5);
    expect(rows.some((row) => row.batch)).toBe(true);
    expect(rows.some((row) => row.input_cached_tokens !== "0")).toBe(true);
    expect(rows.some((row) => row.input_cache_write_tokens !== "0")).toBe(true);
    expect(credits).toHaveLength(1);
    expect(credits[0]).toMatchObject({ line_item: "promotional credit", project_id: null, quantity: null });
  });

  test("rest on weekends, grow, and spike every 45th day", async () => {
    const requests = async (day: string) => Number((await truthOf(day, day)).total.requests);
    const ratio = async (day: string, other: string) => (await requests(day)) / (await requests(other));

    expect(await ratio("2026-07-04", "2026-07-03")).toBeCloseTo(0.3, 1);
    expect(await ratio("2026-07-15", "2026-01-14")).toBeCloseTo(1.003 ** 182, 0);
    expect(await ratio("2026-05-15", "2026-05-14")).toBeCloseTo(6, -0.5);
  });
});
