import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../server.ts";
import { control, get, type Query, type Reply, walk } from "../walk-pages.ts";
import { Exact, keyOfAccount, type Row, rowsOf } from "./calls.fixture.ts";

const key = keyOfAccount("example-org");

let simulator: Simulator;
let reports: string;
let costs: string;
beforeAll(async () => {
  simulator = await startSimulator({ now: "2026-08-15T12:00:00Z" });
  reports = `${simulator.url}/anthropic/v1/organizations`;
  costs = `${reports}/cost_report`;
});
afterAll(() => simulator.stop());
beforeEach(() => control(simulator.url, "POST", "/reset"));

const week: Query = {
  starting_at: "2026-07-06T00:00:00Z",
  ending_at: "2026-07-13T00:00:00Z",
  "group_by[]": ["description"],
  limit: 3,
};
const put = (mode: string, more: Record<string, unknown> = {}) =>
  control(simulator.url, "PUT", "/faults", { provider: "anthropic", mode, ...more });
const first = (reply: Reply): Row => reply.body.data[0].results[0];

describe("answers instead of the honest one", () => {
  test.each([
    ["429", 429, "rate_limit_error"],
    ["500", 500, "api_error"],
    ["503", 503, "api_error"],
    ["529", 529, "overloaded_error"],
    ["key-revoked-midway", 401, "authentication_error"],
    ["error-200", 200, "api_error"],
  ])("%s is answered with %i and the vendor's error", async (mode, status, type) => {
    await put(mode);

    const reply = await get(costs, week, key);

    expect([reply.status, reply.body.type, reply.body.error.type]).toEqual([status, "error", type]);
    expect(reply.body.request_id).toBe(reply.headers.get("request-id"));
  });

  test("a fault of one vendor leaves the others alone", async () => {
    await put("500", { count: null });

    expect((await get(`${simulator.url}/openai/v1/models`)).status).toBe(200);
    expect((await get(`${simulator.url}/anthropic/v1/models`, {}, key)).status).toBe(500);
  });
});

describe("money, which is text in cents", () => {
  test("cents-as-dollars is a hundred times, negative is below zero, wrong-currency is another one, all still text", async () => {
    const honest = await get(costs, week, key);
    const answers: Row[] = [];
    for (const mode of ["cents-as-dollars", "negative", "wrong-currency", "huge"]) {
      await put(mode);
      const reply = await get(costs, week, key);
      answers.push(first(reply));
      expect(reply.text).toContain(`"amount":"${first(reply).amount}"`);
    }

    const { amount } = first(honest);
    const [cents, negative, foreign, huge] = answers;
    expect(cents.amount).toBe(new Exact(amount).times(100).toFixed());
    expect(negative.amount).toBe(`-${amount}`);
    expect([foreign.currency, foreign.amount]).toEqual(["EUR", amount]);
    expect(huge.amount).toBe("1000000000000000");
  });

  test("cents-as-dollars reaches every amount of a page and waits for one with money", async () => {
    const honest = rowsOf((await get(costs, week, key)).body.data);
    await put("cents-as-dollars");
    await get(`${reports}/me`, {}, key);
    await get(`${reports}/usage_report/messages`, week, key).then(({ status }) => expect(status).toBe(400));
    await get(`${reports}/usage_report/claude_code`, { starting_at: "2026-07-06" }, key);

    const struck = rowsOf((await get(costs, week, key)).body.data);

    expect(honest.length).toBeGreaterThan(60);
    expect(struck.map((row) => row.amount)).toEqual(honest.map((row) => new Exact(row.amount).times(100).toFixed()));
  });

  test("type-change sends the same amount as a number", async () => {
    const { amount } = first(await get(costs, week, key));
    await put("type-change");

    expect((await get(costs, week, key)).text).toContain(`"amount":${amount},`);
  });

  test.each([
    ["missing-field", undefined],
    ["null-field", null],
  ])("%s takes the amount away", async (mode, value) => {
    await put(mode);

    expect(first(await get(costs, week, key)).amount).toBe(value);
  });
});

describe("other fields", () => {
  test("negative and huge reach counts, unknown-enum names, extra-fields every level", async () => {
    const query = { starting_at: "2026-07-06T00:00:00Z", limit: 1, "group_by[]": ["service_tier"] };
    const usage = () => get(`${reports}/usage_report/messages`, query, key);
    const honest = first(await usage()).uncached_input_tokens;
    const answers: Row[] = [];
    for (const mode of ["negative", "huge", "unknown-enum", "extra-fields"]) {
      await put(mode);
      answers.push(first(await usage()));
    }

    const [negative, huge, unknown, extra] = answers;
    expect(negative.uncached_input_tokens).toBe(`-${honest}`);
    expect(huge.uncached_input_tokens).toBe("1000000000000000");
    expect(unknown.service_tier).toBe("quantum");
    expect(extra.cache_creation.x_added_by_vendor).toEqual({ nested: ["1", null, "text"] });
  });

  test("unknown-enum is a token type in the cost report, and null stays null", async () => {
    await put("unknown-enum");

    const rows = rowsOf((await get(costs, week, key)).body.data);

    expect(new Set(rows.map((row) => row.token_type))).toEqual(new Set(["quantum", null]));
  });

  test("clock-skew moves the buckets when asked", async () => {
    await put("clock-skew", { args: { seconds: 7200, buckets: true } });

    const { body, headers } = await get(costs, week, key);

    expect(body.data[0].starting_at).toBe("2026-07-06T02:00:00Z");
    expect(Date.parse(headers.get("date") ?? "") - Date.now()).toBeGreaterThan(7_000_000);
  });
});

describe("pages", () => {
  test.each(["empty-page", "split-bucket"])("%s still gives every result once", async (mode) => {
    const honest = await walk(costs, week, key);
    await put(mode);

    const struck = await walk(costs, week, key);

    expect(struck.length).toBe(honest.length + (mode === "split-bucket" ? 1 : 0));
    expect(rowsOf(struck)).toEqual(rowsOf(honest));
  });

  test("repeat-bucket gives the last bucket again, page-loop the same page for ever", async () => {
    await put("repeat-bucket");
    const one = (await get(costs, week, key)).body;
    const two = (await get(costs, { ...week, page: one.next_page }, key)).body;
    await put("page-loop");
    const three = (await get(costs, { ...week, page: two.next_page }, key)).body;

    expect(two.data[0]).toEqual(one.data.at(-1));
    expect(three.next_page).toBe(two.next_page);
  });

  test("Claude Code's pages of records can be empty, repeated and endless too", async () => {
    const url = `${reports}/usage_report/claude_code`;
    const day = { starting_at: "2026-07-06", limit: 9 };
    const honest = await walk(url, day, key);
    await put("empty-page");
    const emptied = await walk(url, day, key);
    await put("repeat-bucket");
    const repeated = await walk(url, day, key);
    await put("page-loop");
    const { body } = await get(url, { starting_at: "2026-07-06", limit: 1000 }, key);

    expect(emptied).toEqual(honest);
    expect(repeated).toEqual([...honest.slice(0, 9), ...honest.slice(8)]);
    expect(body.has_more).toBe(true);
  });
});
