import { beforeEach, describe, expect, it } from "vitest";
import { apiOf, type Body, rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";

let host: Host;
let key: string;
const { call, onboarded } = apiOf(() => ({ host, key }));

beforeEach(async () => {
  host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  await call("POST", "/admin/bootstrap", {}, { "x-ca-root-key": rootKey });
  key = await onboarded("test_org");
  await call("POST", "/hierarchy/test_org/entities/seed");
}, 60_000);

const units = "/unit-economics/test_org";

async function done(method: string, path: string, body?: unknown): Promise<Body> {
  const answer = await call(method, `${units}${path}`, body);
  expect([200, 201, 204], JSON.stringify(answer.body)).toContain(answer.status);
  return answer.body;
}

async function refused(method: string, path: string, body?: unknown): Promise<[number, unknown]> {
  const answer = await call(method, `${units}${path}`, body);
  return [answer.status, answer.body["error"]];
}

const customers = { metric: "customers", display_name: "Customers", unit_name: "customer", kind: "count" };

async function stored(): Promise<unknown[]> {
  const query = "start_date=2026-01-01&end_date=2026-12-31&limit=500";
  const { values } = await done("GET", `/metrics/customers/values?${query}`);
  return (values as Body[]).map(({ day, dimension, quantity }) => [day, dimension, quantity]);
}

describe("unit metrics", () => {
  it("are made, listed, changed and hidden; what values mean is fixed once there are any", async () => {
    const made = await done("POST", "/metrics", { ...customers, dimension: "customer" });
    await done("POST", "/metrics", { ...customers, metric: "revenue", kind: "money", currency: "eur" });

    expect(made).toMatchObject({
      ...{ aggregation: "sum", cost: "effective", cost_scope: {}, is_active: true, currency: null },
      ...{ first_day: null, last_day: null, missing_days_30d: 30, version: 1 },
    });
    expect(await refused("POST", "/metrics", customers)).toEqual([409, "METRIC_EXISTS"]);
    const bare = await done("POST", "/metrics", { metric: "bare", display_name: "Bare", unit_name: "unit" });
    expect(bare).toMatchObject({ kind: "count", dimension: "none" });
    await done("DELETE", "/metrics/bare");
    expect(await refused("POST", "/metrics", { ...customers, metric: "m_2", kind: "money" })).toEqual([
      422,
      "INVALID_BODY",
    ]);
    const scope = { hierarchy_entity_ids: ["proj-apps"], tags: [{ key: "env" }] };
    const changed = await done("PUT", "/metrics/customers", { cost_scope: scope, expected_version: 1 });
    expect(changed).toMatchObject({ cost_scope: { ...scope, hierarchy_entity_ids: ["PROJ-APPS"] }, version: 2 });
    expect(await refused("PUT", "/metrics/customers", { unit_name: "x", expected_version: 1 })).toEqual([
      409,
      "VERSION_CONFLICT",
    ]);
    const unknown = { cost_scope: { hierarchy_entity_ids: ["NOBODY"] } };
    expect(await refused("PUT", "/metrics/customers", unknown)).toEqual([422, "HIERARCHY_ENTITY_UNKNOWN"]);
    await done("POST", "/metrics/customers/values", { values: [{ day: "2026-03-01", dimension: "a", quantity: 1 }] });
    expect(await refused("PUT", "/metrics/customers", { dimension: "feature" })).toEqual([409, "METRIC_HAS_VALUES"]);
    const { metrics } = await done("GET", "/metrics");
    expect((metrics as Body[]).map(({ metric, currency, last_day }) => [metric, currency, last_day])).toEqual([
      ["customers", null, "2026-03-01"],
      ["revenue", "EUR", null],
    ]);
    await done("DELETE", "/metrics/customers");
    expect(await refused("GET", "/metrics/customers/values")).toEqual([404, "METRIC_NOT_FOUND"]);
    expect(await refused("POST", "/metrics", customers)).toEqual([409, "METRIC_EXISTS"]);
    expect((await done("GET", "/metrics"))["total"]).toBe(1);
    const logs = await call("GET", "/organizations/test_org/audit-logs?action=unit_metric.created");
    expect((logs.body["logs"] as Body[]).length).toBe(3);
  });

  it("take values in any order and more than once: a lower revision is ignored", async () => {
    await done("POST", "/metrics", { ...customers, dimension: "customer" });
    const put = (day: string, dimension: string, quantity: unknown, revision: number) =>
      done("POST", "/metrics/customers/values", { values: [{ day, dimension, quantity, revision }] });

    const first = await put("2026-03-01", "b", "2.50", 3);
    const late = await put("2026-03-01", "b", 9, 2);
    const again = await put("2026-03-01", "b", "2.5", 3);
    await put("2026-03-01", "a", 0.000000000001, 1);
    await put("2026-02-28", "Cafe\u0301", 1, 1);

    expect([first, late, again]).toEqual([
      { accepted: 1, unchanged: 0, stale: 0 },
      { accepted: 0, unchanged: 0, stale: 1 },
      { accepted: 0, unchanged: 1, stale: 0 },
    ]);
    expect(await stored()).toEqual([
      ["2026-02-28", "Caf\u00e9", "1"],
      ["2026-03-01", "a", "0.000000000001"],
      ["2026-03-01", "b", "2.5"],
    ]);
    const range = "/metrics/customers/values?start_date=2026-01-01&end_date=2026-12-31";
    const page = await done("GET", `${range}&limit=2`);
    const rest = await done("GET", `${range}&limit=2&cursor=${page["next_cursor"]}`);
    expect([page["values"], rest["values"]].map((some) => (some as Body[]).length)).toEqual([2, 1]);
    expect(rest["next_cursor"]).toBeNull();
  });

  it.each<[string, Body, string]>([
    ["a negative quantity", { day: "2026-03-01", dimension: "a", quantity: "-1" }, "/values/0/quantity"],
    ["13 decimals", { day: "2026-03-01", dimension: "a", quantity: "0.0000000000001" }, "/values/0/quantity"],
    ["more than 10^18", { day: "2026-03-01", dimension: "a", quantity: "1000000000000000001" }, "/values/0/quantity"],
    ["a day that is none", { day: "2026-02-29", dimension: "a", quantity: 1 }, "/values/0/day"],
    ["no value of the dimension", { day: "2026-03-01", quantity: 1 }, "/values/0/dimension"],
  ])("refuse %s", async (_what, value, path) => {
    await done("POST", "/metrics", { ...customers, dimension: "customer" });

    const answer = await call("POST", `${units}/metrics/customers/values`, { values: [value] });

    expect([answer.status, (answer.body["fields"] as Body[])[0]?.["path"]]).toEqual([422, path]);
  });

  it("take a file whole or not at all; days are replaced or merged; the same file again changes nothing", async () => {
    await done("POST", "/metrics", { ...customers, dimension: "customer" });
    const days = Array.from({ length: 70 }, (_, at) => new Date(Date.UTC(2026, 0, 1 + at)).toISOString().slice(0, 10));
    const csv = ["day,dimension,quantity", ...days.flatMap((day) => [`${day},a,1`, `${day},"b, ""B""",2.5`])].join(
      "\n",
    );
    const imported = (csv_content: string, options: Body = {}) =>
      done("POST", "/metrics/customers/import", { csv_content, ...options });

    const dry = await imported(csv, { dry_run: true });
    expect(await stored()).toEqual([]);
    const first = await imported(csv);
    const again = await imported(csv);
    const replaced = await imported("quantity,day,dimension\r\n7,2026-01-01,c\r\n");
    const merged = await imported("day,dimension,quantity\n2026-01-02,c,7", { mode: "merge" });
    const wrong = await call("POST", `${units}/metrics/customers/import`, {
      csv_content: "day,dimension,quantity\n2026-01-03,a,5\n2026-01-03,a,x\n2026-02-30,a,1\n2026-01-03,a,6",
    });

    const counts = { days: 70, rows: 140, changed: 0, removed: 0, errors: [] };
    expect([dry, first, again]).toEqual([
      { ...counts, added: 140, unchanged: 0 },
      { ...counts, added: 140, unchanged: 0 },
      { ...counts, added: 0, unchanged: 140 },
    ]);
    expect([replaced, merged]).toMatchObject([
      { added: 1, removed: 2 },
      { added: 1, removed: 0 },
    ]);
    expect(wrong.body).toMatchObject({ error: "METRIC_IMPORT_INVALID" });
    expect((wrong.body["errors"] as Body[]).map(({ row, field }) => [row, field])).toEqual([
      [3, "quantity"],
      [4, "day"],
      [5, "dimension"],
    ]);
    expect((await stored()).slice(0, 5)).toEqual([
      ["2026-01-01", "c", "7"],
      ["2026-01-02", "a", "1"],
      ["2026-01-02", 'b, "B"', "2.5"],
      ["2026-01-02", "c", "7"],
      ["2026-01-03", "a", "1"],
    ]);
  });

  it("hold at most 5,000 values a day and files of 50,000 rows", async () => {
    await done("POST", "/metrics", { ...customers, dimension: "customer" });
    const rows = (count: number) =>
      ["day,dimension,quantity", ...Array.from({ length: count }, (_, at) => `2026-01-01,c-${at},1`)].join("\n");
    const imported = (csv_content: string) => refused("POST", "/metrics/customers/import", { csv_content });

    expect(await imported(rows(5_001))).toEqual([422, "DAY_TOO_LARGE"]);
    expect(await imported(rows(50_001))).toEqual([413, "IMPORT_TOO_LARGE"]);
    expect(await stored()).toEqual([]);
    expect((await imported(rows(5_000)))[0]).toBe(200);
    // The full day is in the second transaction of the call: the first writes nothing either.
    const before = Array.from({ length: 30 }, (_, at) =>
      new Date(Date.UTC(2025, 11, 1 + at)).toISOString().slice(0, 10),
    );
    const values = [...before, "2026-01-01"].map((day) => ({ day, dimension: "one more", quantity: 1 }));
    expect(await refused("POST", "/metrics/customers/values", { values })).toEqual([422, "DAY_TOO_LARGE"]);
    const december = await done("GET", "/metrics/customers/values?start_date=2025-12-01&end_date=2025-12-31");
    expect(december["values"]).toEqual([]);
  });

  it("whose values are entities take only active ones, and shared cost can be spread by them alone", async () => {
    await done("POST", "/metrics", { ...customers, metric: "headcount", dimension: "entity", aggregation: "average" });
    await done("POST", "/metrics", customers);
    const put = (dimension: string) =>
      call("POST", `${units}/metrics/headcount/values`, { values: [{ day: "2026-03-01", dimension, quantity: 3 }] });
    const rule = (metric: string) =>
      call("POST", "/hierarchy/test_org/allocation/rules", {
        name: "Spread",
        action: { type: "spread", over: ["DEPT-ENG", "DEPT-OPS"], weight: "metric", metric },
      });

    expect([(await put("team-ml")).status, (await put("NOBODY")).status]).toEqual([200, 422]);
    expect((await rule("customers")).body["fields"]).toMatchObject([{ path: "/action/metric" }]);
    expect((await rule("headcount")).status).toBe(201);
    expect(await refused("DELETE", "/metrics/headcount")).toEqual([409, "METRIC_IN_USE"]);
    const { values } = await done("GET", "/metrics/headcount/values?start_date=2026-03-01&dimension=Team-ML");
    expect(values).toMatchObject([{ dimension: "TEAM-ML", quantity: "3" }]);
    await done("POST", "/metrics", { ...customers, metric: "desks", dimension: "entity" });
    expect((await rule("desks")).status).toBe(201);
    expect(await refused("PUT", "/metrics/desks", { dimension: "customer" })).toEqual([409, "METRIC_IN_USE"]);
  });

  it("show another organization nothing", async () => {
    await done("POST", "/metrics", customers);
    const as = { "x-api-key": await onboarded("other_org") };
    const range = "start_date=2026-03-01&end_date=2026-03-02";

    const named = await call("GET", `/unit-economics/other_org/report?metric=customers&${range}`, undefined, as);
    const unknown = await call("GET", `/unit-economics/other_org/report?metric=nothing&${range}`, undefined, as);

    expect([named.status, named.body["message"]]).toEqual([404, unknown.body["message"]]);
    expect((await call("GET", `${units}/metrics`, undefined, as)).status).toBe(403);
    const own = await done("GET", `/report?metric=customers&${range}`);
    expect(own).toMatchObject({ total_cost: "0.00", unit_cost: null, reason: "no_metric", unallocated: "0.00" });
  });
});
