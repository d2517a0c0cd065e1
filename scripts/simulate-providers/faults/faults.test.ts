import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../server.ts";
import { control, get, type Query, type Reply, secondsOf } from "../walk-pages.ts";

let simulator: Simulator;
let costs: string;
beforeAll(async () => {
  simulator = await startSimulator({ now: "2026-08-15T12:00:00Z" });
  costs = `${simulator.url}/openai/v1/organization/costs`;
});
afterAll(() => simulator.stop());
beforeEach(() => control(simulator.url, "POST", "/reset"));

const week: Query = {
  start_time: secondsOf("2026-07-06"),
  end_time: secondsOf("2026-07-13"),
  group_by: ["line_item"],
  limit: 3,
};
const put = (mode: string, more: Record<string, unknown> = {}) =>
  control(simulator.url, "PUT", "/faults", { provider: "openai", mode, ...more });
const first = (reply: Reply) => reply.body.data[0].results[0];

describe("which calls a fault strikes", () => {
  test("after, count: two calls pass, two are struck, then it has ended by itself", async () => {
    await put("503", { after: 2, count: 2 });

    const statuses = [];
    for (let call = 0; call < 6; call += 1) statuses.push((await get(costs, week)).status);

    expect(statuses).toEqual([200, 200, 503, 503, 200, 200]);
  });

  test("path and account: others are served meanwhile, and accounts may have different faults", async () => {
    await put("500", { path_prefix: "/v1/organization/costs", account: "first-account", count: 9 });
    await put("429", { account: "second-account", count: 9 });
    const projects = costs.replace("costs", "projects");

    expect((await get(costs, week, "sk-admin-sim-first-account")).status).toBe(500);
    expect((await get(projects, {}, "sk-admin-sim-first-account")).status).toBe(200);
    expect((await get(projects, {}, "sk-admin-sim-second-account")).status).toBe(429);
    expect((await get(costs, week)).status).toBe(200);
  });

  test("probability is drawn from the seed: the same calls meet the same faults", async () => {
    const walked = async () => {
      await control(simulator.url, "POST", "/reset");
      await put("500", { probability: 0.5, count: null });
      const statuses = [];
      for (let call = 0; call < 20; call += 1) statuses.push((await get(costs, week)).status);
      return statuses;
    };

    const once = await walked();

    expect(await walked()).toEqual(once);
    expect(new Set(once)).toEqual(new Set([200, 500]));
  });

  test("an array replaces all faults, DELETE ends one, those of an account, or all, and the log names each strike", async () => {
    await put("500");
    const { added } = await control(simulator.url, "PUT", "/faults", [
      { provider: "openai", mode: "502" },
      { provider: "openai", mode: "503", account: "example" },
      { provider: "openai", mode: "529", args: { share: 0.5 } },
    ]);
    expect((await get(costs, week)).status).toBe(502);
    await control(simulator.url, "DELETE", `/faults?id=${added[0]}`);
    await control(simulator.url, "DELETE", "/faults?account=example");

    const { faults } = await control(simulator.url, "GET", "/faults");
    expect(faults.map((fault: { mode: string }) => fault.mode)).toEqual(["529"]);
    expect((await control(simulator.url, "DELETE", "/faults")).faults).toEqual([]);
    const { requests } = await control(simulator.url, "GET", "/requests");
    expect(requests.map((entry: { fault: string }) => entry.fault)).toEqual(["502"]);
  });

  test("a mode that cannot change an answer waits for one that it can", async () => {
    await put("cents-as-dollars");

    const projects = await get(costs.replace("costs", "projects"));
    await get(costs, week);

    expect(projects.status).toBe(200);
    const { requests } = await control(simulator.url, "GET", "/requests");
    expect(requests.map((entry: { fault: string | null }) => entry.fault)).toEqual([null, "cents-as-dollars"]);
  });
});

describe("answers instead of the honest one", () => {
  test.each([
    ["500", 500, "server_error"],
    ["503", 503, "server_error"],
    ["529", 529, "server_error"],
    ["429", 429, "requests"],
    ["key-revoked-midway", 401, "invalid_request_error"],
    ["error-200", 200, "server_error"],
  ])("%s is answered with %i and the vendor's error", async (mode, status, type) => {
    await put(mode);

    const reply = await get(costs, week);

    expect([reply.status, reply.body.error.type]).toEqual([status, type]);
  });

  test("a key revoked midway stays revoked", async () => {
    await put("key-revoked-midway", { after: 1 });

    const statuses = [];
    for (let call = 0; call < 4; call += 1) statuses.push((await get(costs, week)).status);

    expect(statuses).toEqual([200, 401, 401, 401]);
  });

  test("429 tells when to come back, in seconds, as a date, verbatim or not at all", async () => {
    await control(simulator.url, "PUT", "/faults", [
      { provider: "openai", mode: "429", args: { retry_after: 7 } },
      { provider: "openai", mode: "429", args: { retry_after: 30, form: "date" } },
      { provider: "openai", mode: "429", args: { retry_after: "soon" } },
      { provider: "openai", mode: "429", args: { form: "none" } },
    ]);
    const headers = [];
    for (let call = 0; call < 4; call += 1) headers.push((await get(costs, week)).headers.get("retry-after"));

    const [seconds, date, verbatim, none] = headers;
    expect([seconds, verbatim, none]).toEqual(["7", "soon", null]);
    const inSeconds = (Date.parse(date ?? "") - Date.now()) / 1000;
    expect(inSeconds).toBeGreaterThan(20);
    expect(inSeconds).toBeLessThanOrEqual(31);
  });

  test("502 and html-200 are HTML, invalid-json is no JSON, redirect points to a place that is logged", async () => {
    await put("502");
    const gateway = await get(costs, week);
    await put("html-200");
    const html = await get(costs, week);
    await put("invalid-json");
    const response = await fetch(`${costs}?start_time=0`, {
      headers: { authorization: "Bearer sk-admin-sim-example" },
    });
    await put("redirect");
    const moved = await get(costs, week);

    expect([gateway.status, html.status, moved.status]).toEqual([502, 200, 302]);
    expect(html.headers.get("content-type")).toContain("text/html");
    await expect(response.json()).rejects.toThrow(SyntaxError);
    expect((await get(simulator.url + moved.headers.get("location"))).status).toBe(404);
    const { requests } = await control(simulator.url, "GET", "/requests");
    expect(requests.at(-1).path).toBe("/redirected");
  });
});

describe("pages", () => {
  const walkTo = async (pages: number) => {
    const replies: Reply[] = [];
    let page: string | null = null;
    for (let call = 0; call < pages; call += 1) {
      const reply: Reply = await get(costs, page === null ? week : { ...week, page });
      replies.push(reply);
      page = reply.body.next_page;
      if (page === null) break;
    }
    return replies.map(({ body }) => body);
  };
  const starts = (pages: Reply["body"][]) =>
    pages.map((page) => page.data.map((bucket: { start_time: string }) => (Number(bucket.start_time) / 86400) % 7));

  test("empty-page: nothing, a new cursor, then all the same buckets", async () => {
    const honest = (await walkTo(9)).flatMap((page) => page.data);
    await put("empty-page", { after: 1, count: 2 });

    const pages = await walkTo(9);

    expect(pages.map((page) => page.data.length)).toEqual([3, 0, 0, 3, 1]);
    expect(new Set(pages.map((page) => page.next_page)).size).toBe(5);
    expect(pages.flatMap((page) => page.data)).toEqual(honest);
  });

  test("page-loop: the same cursor for ever", async () => {
    await put("page-loop", { after: 1 });

    const pages = await walkTo(5);

    expect(pages).toHaveLength(5);
    expect(new Set(pages.slice(1).map((page) => page.next_page)).size).toBe(1);
    expect(starts(pages)[4]).toEqual(starts(pages)[1]);
  });

  test("repeat-bucket: the last bucket stands whole on two pages", async () => {
    await put("repeat-bucket");

    const [one, two] = await walkTo(2);

    expect(two.data[0]).toEqual(one.data.at(-1));
  });

  test("split-bucket: one bucket in two disjoint parts that add up", async () => {
    const honest = await walkTo(9);
    await put("split-bucket");

    const [one, two] = await walkTo(2);

    const [head, tail] = [one.data.at(-1), two.data[0]];
    expect(head.start_time).toBe(tail.start_time);
    expect(tail.results.length).toBeGreaterThan(0);
    expect([...head.results, ...tail.results]).toEqual(honest[0].data.at(-1).results);
  });
});

describe("fields", () => {
  test.each([
    ["missing-field", {}, undefined],
    ["null-field", {}, null],
    ["huge", {}, "1000000000000000"],
    ["huge", { value: "1000000000000.000000000001" }, "1000000000000.000000000001"],
  ])("%s with %j changes what a client cannot do without", async (mode, args, value) => {
    const honest = first(await get(costs, week)).amount.value;
    await put(mode, { args });

    expect(first(await get(costs, week)).amount.value).toBe(value);
    expect(first(await get(costs, week)).amount.value).toBe(honest);
  });

  test("type-change sends the number as text", async () => {
    const honest = await get(costs, week);
    await put("type-change");

    const { text } = await get(costs, week);

    expect(text).toContain(`"value":"${first(honest).amount.value}"`);
  });

  test("a path of one's own, at the first place only", async () => {
    await put("missing-field", { args: { path: "data.*.results.*.quantity_unit", places: "first" } });

    const rows = (await get(costs, week)).body.data[0].results;

    expect("quantity_unit" in rows[0]).toBe(false);
    expect("quantity_unit" in rows[1]).toBe(true);
  });

  test("cents-as-dollars is a hundred times, negative is below zero, wrong-currency is another one", async () => {
    const honest = first(await get(costs, week)).amount;
    await put("cents-as-dollars");
    const cents = first(await get(costs, week)).amount;
    await put("negative");
    const negative = first(await get(costs, week)).amount;
    await put("wrong-currency", { args: { currency: "jpy" } });
    const foreign = first(await get(costs, week)).amount;

    expect(Number(cents.value) / Number(honest.value)).toBeCloseTo(100, 9);
    expect(negative.value).toBe(`-${honest.value}`);
    expect(foreign).toEqual({ value: honest.value, currency: "jpy" });
  });

  test("negative and huge reach counts too", async () => {
    const completions = costs.replace("costs", "usage/completions");
    const { limit, start_time } = week as Record<string, number>;
    const query = { limit: limit ?? 1, start_time: start_time ?? 0 };
    const honest = first(await get(completions, query)).input_tokens;
    await put("negative");
    const negative = first(await get(completions, query)).input_tokens;
    await put("huge");

    expect(negative).toBe(`-${honest}`);
    expect(first(await get(completions, query)).input_tokens).toBe("1000000000000000");
  });

  test("unknown-enum changes a name, extra-fields adds at every level", async () => {
    await put("unknown-enum");
    const unknown = (await get(costs, week)).body.data[0].results;
    await put("extra-fields");
    const { body } = await get(costs, week);

    const units = unknown.map((row: { quantity_unit: string | null }) => row.quantity_unit);
    expect(new Set(units)).toEqual(new Set(["quantum", null]));
    for (const level of [body, body.data[0], first({ body } as Reply), first({ body } as Reply).amount]) {
      expect(level.x_added_by_vendor).toEqual({ nested: ["1", null, "text"] });
    }
  });

  test("clock-skew moves the Date header, and the buckets when asked", async () => {
    const honest = await get(costs, week);
    await put("clock-skew", { args: { seconds: 7200, buckets: true } });

    const skewed = await get(costs, week);

    expect(Date.parse(skewed.headers.get("date") ?? "") - Date.now()).toBeGreaterThan(7_000_000);
    expect(Number(skewed.body.data[0].start_time) - Number(honest.body.data[0].start_time)).toBe(7200);
  });
});
