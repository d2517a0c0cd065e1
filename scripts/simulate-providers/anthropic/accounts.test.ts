import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../server.ts";
import { control, get, type Query } from "../walk-pages.ts";
import { keyOfAccount, month, type Row, rowsOf } from "./calls.fixture.ts";

let simulator: Simulator;
let api: string;
beforeAll(async () => {
  simulator = await startSimulator({ now: "2026-08-15T12:00:00Z" });
  api = `${simulator.url}/anthropic/v1`;
});
afterAll(() => simulator.stop());
beforeEach(() => control(simulator.url, "POST", "/reset"));

const version = { "anthropic-version": "2023-06-01" };
const key = keyOfAccount("example-org");
const list = async (path: string, query: Query = {}) => (await get(`${api}/organizations/${path}`, query, key)).body;
const ids = (body: Row): string[] => body.data.map((item: Row) => item.id);

describe("accounts by key", () => {
  test.each([
    ["sk-ant-admin-sim-example-org", 200, 200, 200, 200],
    ["sk-ant-admin-sim-example-org-empty", 200, 200, 200, 200],
    ["sk-ant-admin-sim-example-org-forbidden", 200, 200, 403, 200],
    ["sk-ant-admin-sim-example-org-inference", 200, 401, 401, 401],
    ["sk-ant-admin-sim-example-org-revoked", 401, 401, 401, 401],
    ["sk-ant-api03-abcdefghijklmnopqrst", 401, 401, 401, 401],
    ["sk-admin-sim-example-org", 401, 401, 401, 401],
  ])("%s gets %i on models, %i on me, %i on costs, %i on usage", async (text, models, me, money, usage) => {
    const headers = { ...version, "x-api-key": text };

    expect((await get(`${api}/models`, {}, headers)).status).toBe(models);
    expect((await get(`${api}/organizations/me`, {}, headers)).status).toBe(me);
    expect((await get(`${api}/organizations/cost_report`, month, headers)).status).toBe(money);
    expect((await get(`${api}/organizations/usage_report/messages`, month, headers)).status).toBe(usage);
  });

  test("a refusal has the vendor's error shape, with the request's id in header and body", async () => {
    const { body, headers } = await get(`${api}/organizations/me`, {}, keyOfAccount("example-org-revoked"));

    expect(body).toEqual({
      type: "error",
      error: { type: "authentication_error", message: "invalid x-api-key" },
      request_id: headers.get("request-id"),
    });
    expect(headers.get("request-id")).toMatch(/^req_[0-9a-f]{32}$/);
    expect(headers.get("anthropic-organization-id")).toBeNull();
  });

  test("no key, a bearer token, no version and an unknown version are refused", async () => {
    const { "x-api-key": text = "" } = key;
    const status = async (headers: Record<string, string>) =>
      (await get(`${api}/organizations/me`, {}, headers)).status;

    expect(await status(version)).toBe(401);
    expect(await status({ ...version, authorization: `Bearer ${text}` })).toBe(401);
    expect(await status({ "x-api-key": text })).toBe(400);
    expect(await status({ "x-api-key": text, "anthropic-version": "2020-01-01" })).toBe(400);
  });

  test("an empty account answers every day with no result and has its workspaces", async () => {
    const empty = keyOfAccount("example-org-empty");
    const query = { ...month, limit: 31 };

    const costs = (await get(`${api}/organizations/cost_report`, query, empty)).body;
    const usage = (await get(`${api}/organizations/usage_report/messages`, query, empty)).body;
    const code = (await get(`${api}/organizations/usage_report/claude_code`, { starting_at: "2026-07-01" }, empty))
      .body;

    expect([costs.data.length, rowsOf(costs.data), rowsOf(usage.data), code.data]).toEqual([31, [], [], []]);
    expect((await get(`${api}/organizations/workspaces`, {}, empty)).body.data).toHaveLength(2);
  });

  test("accounts have their own data and organization, and unknown paths are 404, writes 405", async () => {
    const cost = (account: string) => get(`${api}/organizations/cost_report`, month, keyOfAccount(account));
    const [one, two] = [await cost("one-of-two"), await cost("two-of-two")];
    const me = await get(`${api}/organizations/me`, {}, keyOfAccount("one-of-two"));
    const write = await fetch(`${api}/organizations/workspaces`, { method: "POST", headers: key });

    expect(one.body.data).not.toEqual(two.body.data);
    expect(me.body).toMatchObject({ type: "organization", id: one.headers.get("anthropic-organization-id") });
    expect(me.body.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect([(await get(`${api}/nothing`, {}, key)).status, write.status]).toEqual([404, 405]);
  });
});

describe("names", () => {
  test("lists are paged by ids, forwards and backwards", async () => {
    const models = async (query: Query) => (await get(`${api}/models`, query, key)).body;
    const whole = await models({});
    const first = await models({ limit: 2 });
    const second = await models({ limit: 2, after_id: first.last_id });
    const back = await models({ limit: 1, before_id: second.first_id });

    expect(whole.data).toHaveLength(5);
    expect([first.has_more, second.has_more, whole.has_more]).toEqual([true, true, false]);
    expect([...ids(first), ...ids(second)]).toEqual(ids(whole).slice(0, 4));
    expect([ids(back), back.has_more]).toEqual([[first.last_id], true]);
    expect(whole.data[0]).toMatchObject({ type: "model", id: "claude-opus-5", max_input_tokens: "1000000" });
  });

  test.each([{ limit: 0 }, { limit: 1001 }, { after_id: "nobody" }, { colour: "red" }])(
    "workspaces with %j are a 400",
    async (query) => {
      expect((await get(`${api}/organizations/workspaces`, query as Query, key)).status).toBe(400);
    },
  );

  test("every workspace and key of usage has a name, the default workspace and archived ones are not listed", async () => {
    const query = { ...month, limit: 31, "group_by[]": ["workspace_id", "api_key_id"] };
    const used = rowsOf((await list("usage_report/messages", query)).data);
    const workspaces = await list("workspaces");
    const keys = await list("api_keys");

    const named = new Map(keys.data.map((one: Row) => [one.id, one.workspace_id]));
    expect(used.length).toBeGreaterThan(200);
    for (const row of used) {
      if (row.workspace_id !== null) expect(ids(workspaces)).toContain(row.workspace_id);
      if (row.api_key_id !== null) expect(named.get(row.api_key_id)).toBe(row.workspace_id);
    }
    expect((await list("workspaces", { include_archived: "true" })).data).toHaveLength(workspaces.data.length + 1);
  });

  test("keys are listed by workspace and state, and none is shown", async () => {
    const workspace = (await list("workspaces")).data[1].id;

    expect(ids(await list("api_keys"))).toHaveLength(7);
    expect((await list("api_keys", { workspace_id: workspace })).data.map((one: Row) => one.status)).toEqual([
      "active",
      "inactive",
    ]);
    expect(ids(await list("api_keys", { status: "archived" }))).toHaveLength(1);
    expect((await get(`${api}/organizations/api_keys`, { status: "lost" }, key)).status).toBe(400);
    expect(JSON.stringify(await list("api_keys"))).not.toContain("sk-ant-admin-sim");
  });
});

describe("claude_code", () => {
  const records = async (query: Query) => (await get(`${api}/organizations/usage_report/claude_code`, query, key)).body;

  test("has one record per actor who worked that day, paged by records", async () => {
    const whole = await records({ starting_at: "2026-07-01", limit: 1000 });
    const first = await records({ starting_at: "2026-07-01" });
    const second = await records({ starting_at: "2026-07-01", page: first.next_page });

    expect(whole.data.length).toBeGreaterThan(20);
    expect(whole.data.length).toBeLessThan(29);
    expect([first.data.length, first.has_more, second.has_more, second.next_page]).toEqual([20, true, false, null]);
    expect([...first.data, ...second.data]).toEqual(whole.data);
    const actors = whole.data.map((record: Row) => record.actor.email_address ?? record.actor.api_key_name);
    expect(new Set(actors).size).toBe(whole.data.length);
    expect(new Set(whole.data.map((record: Row) => record.actor.type))).toEqual(new Set(["user_actor", "api_actor"]));
    expect(new Set(whole.data.map((record: Row) => record.customer_type))).toEqual(new Set(["api", "subscription"]));
  });

  test("estimates are cents of tokens x list price", async () => {
    const { data } = await records({ starting_at: "2026-07-01" });

    for (const { model_breakdown, date } of data) {
      const { tokens, estimated_cost } = model_breakdown.find((one: Row) => one.model === "claude-sonnet-4-6");
      const nanoDollars =
        BigInt(tokens.input) * 3000n +
        BigInt(tokens.output) * 15_000n +
        BigInt(tokens.cache_read) * 300n +
        BigInt(tokens.cache_creation) * 3750n;
      expect(Number(estimated_cost.amount)).toBeCloseTo(Number(nanoDollars) / 1e7, 9);
      expect(date).toBe("2026-07-01T00:00:00Z");
    }
  });

  test.each([
    {},
    { starting_at: "2026-07-01T00:00:00Z" },
    { starting_at: "2026-06-31" },
    { starting_at: "2026-07-01", limit: 1001 },
    { starting_at: "2026-07-01", ending_at: "2026-07-02" },
    { starting_at: "2026-07-01", page: "page_AAAA" },
  ])("%j is a 400", async (query) => {
    const { status } = await get(`${api}/organizations/usage_report/claude_code`, query as Query, key);

    expect(status).toBe(400);
  });
});

test("a late correction changes the published cost and the truth by exactly its amount", async () => {
  const line = "Claude Opus 5 Usage - Output Tokens, Batch";
  const query = { starting_at: "2026-07-01T00:00:00Z", limit: 1, "group_by[]": ["description"] };
  const published = async (description: string) =>
    rowsOf((await list("cost_report", query)).data).find((row) => row.description === description)?.amount;
  const truth = async () =>
    (await control(simulator.url, "GET", "/truth?provider=anthropic&account=example-org&from=2026-07-01&to=2026-07-01"))
      .truth.total;
  const adjust = (line_item: string, delta: string) =>
    control(simulator.url, "PUT", "/adjust", {
      provider: "anthropic",
      account: "example-org",
      day: "2026-07-01",
      line_item,
      delta,
    });
  const before = (await truth()).line_items.find((one: Row) => one.line_item === line).amount;

  await adjust(line, "-0.000000000001");
  await adjust("Goodwill", "-1.5");

  const after = (await truth()).line_items.find((one: Row) => one.line_item === line).amount;
  const pico = (text: string) => BigInt(text.replace(/\.(\d*)$/, (_, digits: string) => digits.padEnd(12, "0")));
  expect(pico(before) - pico(after)).toBe(1n);
  expect(pico(await published(line)) / 100n).toBe(pico(after));
  expect(await published("Goodwill")).toBe("-150");
  expect((await truth()).causes).toContainEqual({ cause: "unexplained", amount: "-0.000000000001" });
  expect((await truth()).causes).toContainEqual({ cause: "credit_adjustment", amount: "-1.5" });
});

test("the request log shows a fingerprint, never the key", async () => {
  await list("me");

  const { requests } = await control(simulator.url, "GET", "/requests?provider=anthropic&account=example-org");

  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatchObject({ path: "/v1/organizations/me", key: "sk-ant-admin-...-org", status: "200" });
  expect(JSON.stringify(requests)).not.toContain("sk-ant-admin-sim");
});
