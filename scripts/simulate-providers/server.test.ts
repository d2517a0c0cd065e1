import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "./server.ts";
import { control, get, secondsOf } from "./walk-pages.ts";

let simulator: Simulator;
let openai: string;
beforeAll(async () => {
  simulator = await startSimulator({ now: "2026-08-15T12:00:00Z" });
  openai = `${simulator.url}/openai`;
});
afterAll(() => simulator.stop());
beforeEach(() => control(simulator.url, "POST", "/reset"));

const july = { start_time: secondsOf("2026-07-01"), end_time: secondsOf("2026-07-03") };
const costs = "/v1/organization/costs";
const completions = "/v1/organization/usage/completions";

describe("accounts by key", () => {
  test.each([
    ["sk-admin-sim-example", 200, 200, 200],
    ["sk-admin-sim-example-empty", 200, 200, 200],
    ["sk-admin-sim-example-forbidden", 200, 403, 200],
    ["sk-admin-sim-example-inference", 200, 401, 401],
    ["sk-admin-sim-example-revoked", 401, 401, 401],
    ["sk-admin-another-key-entirely", 401, 401, 401],
    ["sk-proj-abcdefghijklmnop", 401, 401, 401],
  ])("%s gets %i on models, %i on costs, %i on usage", async (key, models, money, usage) => {
    expect((await get(`${openai}/v1/models`, {}, key)).status).toBe(models);
    expect((await get(openai + costs, july, key)).status).toBe(money);
    expect((await get(openai + completions, july, key)).status).toBe(usage);
  });

  test("a refusal has the vendor's error shape", async () => {
    const { body, headers } = await get(openai + costs, july, "sk-admin-sim-example-revoked");

    expect(body).toEqual({
      error: {
        message: "Incorrect API key provided.",
        type: "invalid_request_error",
        param: null,
        code: "invalid_api_key",
      },
    });
    expect(headers.get("openai-organization")).toBeNull();
  });

  test("a request without a key is refused", async () => {
    const response = await fetch(openai + costs);

    expect(response.status).toBe(401);
  });

  test("an empty account answers every day with no result", async () => {
    const { body } = await get(openai + costs, july, "sk-admin-sim-example-empty");

    expect(body.data.map((bucket: { results: unknown[] }) => bucket.results)).toEqual([[], []]);
  });

  test("accounts have their own data, organization and projects", async () => {
    const one = await get(openai + costs, july, "sk-admin-sim-one-of-two");
    const two = await get(openai + costs, july, "sk-admin-sim-two-of-two");

    expect(one.body.data).not.toEqual(two.body.data);
    expect(one.headers.get("openai-organization")).toBe("org-sim-one-of-two");
    expect(one.headers.get("x-request-id")).not.toBe(two.headers.get("x-request-id"));
  });
});

describe("names", () => {
  test("projects are paged by the last id and hide archived ones unless asked", async () => {
    const first = (await get(`${openai}/v1/organization/projects`, { limit: 2 })).body;
    const second = (await get(`${openai}/v1/organization/projects`, { limit: 2, after: first.last_id })).body;
    const all = (await get(`${openai}/v1/organization/projects`, { include_archived: "true" })).body;

    expect([first.data.length, first.has_more, second.data.length, second.has_more]).toEqual([2, true, 1, false]);
    expect(all.data.map((project: { status: string }) => project.status)).toEqual([
      "active",
      "active",
      "active",
      "archived",
    ]);
  });

  test("every project of a cost row has a name and every key of it is listed there", async () => {
    const { body } = await get(openai + costs, { ...july, group_by: ["project_id", "api_key_id"] });
    const pairs = body.data.flatMap((bucket: { results: { project_id: string; api_key_id: string }[] }) =>
      bucket.results.filter((row) => row.project_id !== null && row.api_key_id !== null),
    );

    expect(pairs.length).toBeGreaterThan(6);
    for (const { project_id, api_key_id } of pairs) {
      const keys = (await get(`${openai}/v1/organization/projects/${project_id}/api_keys`)).body.data;
      expect(keys.map((key: { id: string }) => key.id)).toContain(api_key_id);
    }
  });

  test("admin keys are listed without showing one, unknown projects and paths are 404, writes 405", async () => {
    const keys = await get(`${openai}/v1/organization/admin_api_keys`, { order: "asc" });
    const wrong = await get(`${openai}/v1/organization/projects/proj_nobody/api_keys`);
    const nowhere = await get(`${openai}/v1/organization/nothing`);
    const headers = { authorization: "Bearer sk-admin-sim-example" };
    const write = await fetch(`${openai}/v1/organization/projects`, { method: "POST", headers });

    expect(keys.body.data).toHaveLength(1);
    expect(keys.text).not.toContain("sk-admin-sim-example");
    expect([wrong.status, nowhere.status, write.status]).toEqual([404, 404, 405]);
  });
});

describe("controls", () => {
  test("health tells the world that is served", async () => {
    expect(await control(simulator.url, "GET", "/health")).toMatchObject({
      status: "ok",
      seed: "42",
      from: "2026-01-01",
      to: "today",
      late: false,
      now: "2026-08-15T12:00:00.000Z",
      providers: ["openai", "anthropic", "ecb"],
    });
  });

  test("the request log shows method, path, query and a fingerprint, never the key", async () => {
    await get(openai + costs, { ...july, limit: 3 });

    const { requests } = await control(simulator.url, "GET", "/requests?provider=openai&account=example");

    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      method: "GET",
      path: costs,
      key: "sk-admin-...mple",
      status: "200",
      fault: null,
    });
    expect(requests[0].query).toBe(`start_time=${july.start_time}&end_time=${july.end_time}&limit=3`);
    expect(JSON.stringify(requests)).not.toContain("sk-admin-sim-example");
  });

  test("the clock decides which days exist, and reset puts it back", async () => {
    const window = { start_time: secondsOf("2026-08-15"), end_time: secondsOf("2026-08-17") };
    const filled = async () =>
      (await get(openai + costs, window)).body.data.map((bucket: { results: unknown[] }) => bucket.results.length);

    const before = await filled();
    await control(simulator.url, "PUT", "/clock", { now: "2026-08-16T00:00:00+00:00" });
    const after = await filled();
    await control(simulator.url, "POST", "/reset");

    expect([before, after, await filled()]).toEqual([
      [1, 0],
      [1, 1],
      [1, 0],
    ]);
  });

  test("a late correction changes the published cost and the truth by exactly its amount", async () => {
    const line = "gpt-5.4-2026-03-05, input";
    const query = { start_time: july.start_time, limit: 1, group_by: ["line_item"], project_ids: [] };
    const published = async (): Promise<string> => {
      const { body } = await get(openai + costs, query);
      const rows: { line_item: string; amount: { value: string } }[] = body.data[0].results;
      return rows.find((row) => row.line_item === line)?.amount.value ?? "absent";
    };
    const truth = async () =>
      (await control(simulator.url, "GET", "/truth?provider=openai&account=example&from=2026-07-01&to=2026-07-01"))
        .truth.total;
    const before = await published();

    const body = {
      provider: "openai",
      account: "example",
      day: "2026-07-01",
      line_item: line,
      delta: "-0.000000000001",
    };
    await control(simulator.url, "PUT", "/adjust", body);

    const after = await published();
    expect(BigInt(pico(before)) - BigInt(pico(after))).toBe(1n);
    expect((await truth()).line_items).toContainEqual({ line_item: line, amount: after });
    expect((await truth()).causes).toContainEqual({ cause: "unexplained", amount: "-0.000000000001" });
  });

  test.each([
    ["PUT", "/faults", { provider: "nobody", mode: "429" }],
    ["PUT", "/faults", { provider: "openai", mode: "sulk" }],
    ["PUT", "/faults", { provider: "openai", mode: "429", probability: 2 }],
    ["PUT", "/faults", { provider: "openai", mode: "429", times: 2 }],
    ["PUT", "/clock", { now: "tomorrow" }],
    ["PUT", "/adjust", { provider: "openai", account: "a", day: "2026-02-30", line_item: "x", delta: "1" }],
    ["GET", "/truth?provider=openai&account=a", undefined],
    ["GET", "/nothing", undefined],
  ])("%s %s with %j is refused in words", async (method, path, body) => {
    await expect(control(simulator.url, method, path, body)).rejects.toThrow(/error/);
  });
});

describe("start", () => {
  test("refuses impossible options", async () => {
    await expect(startSimulator({ from: "2026-02-30" })).rejects.toThrow("calendar day");
    await expect(startSimulator({ from: "2026-02-02", to: "2026-02-01" })).rejects.toThrow("before");
  });

  test("serves nothing outside the days asked for", async () => {
    const narrow = await startSimulator({ from: "2026-07-02", to: "2026-07-02", now: "2026-08-15T12:00:00Z" });

    const { body } = await get(`${narrow.url}/openai${costs}`, { start_time: july.start_time, limit: 3 });
    await narrow.stop();

    expect(body.data.map((bucket: { results: unknown[] }) => bucket.results.length)).toEqual([0, 1, 0]);
  });
});

function pico(decimal: string): string {
  const [whole = "", fraction = ""] = decimal.split(".");
  return whole + fraction.padEnd(12, "0");
}
