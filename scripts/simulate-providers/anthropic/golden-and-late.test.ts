import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../server.ts";
import { control, get, walk } from "../walk-pages.ts";
import { dollars, keyOfAccount, type Row, rowsOf, sum, tokensOf, truthOf } from "./calls.fixture.ts";

const now = "2026-08-15T12:00:00Z";

let simulator: Simulator;
let api: string;
beforeAll(async () => {
  simulator = await startSimulator({ now });
  api = `${simulator.url}/anthropic/v1/organizations`;
});
afterAll(() => simulator.stop());

describe("account -golden", () => {
  const key = keyOfAccount("example-golden");
  const day = { starting_at: "2026-07-01T00:00:00Z", ending_at: "2026-07-02T00:00:00Z" };

  test("usage is the one row of the worked example of provider-adapters.md 3.2", async () => {
    const groups = ["workspace_id", "api_key_id", "model", "service_tier", "context_window", "inference_geo"];

    const rows = rowsOf(await walk(`${api}/usage_report/messages`, { ...day, "group_by[]": groups }, key));

    expect(rows).toEqual([
      {
        uncached_input_tokens: "1200000",
        cache_read_input_tokens: "3000000",
        cache_creation: { ephemeral_1h_input_tokens: "50000", ephemeral_5m_input_tokens: "200000" },
        output_tokens: "90000",
        server_tool_use: { web_search_requests: "30" },
        api_key_id: "apikey_01K1",
        workspace_id: "wrkspc_01AAA",
        model: "claude-sonnet-4-6",
        service_tier: "standard",
        context_window: "0-200k",
        inference_geo: "global",
        account_id: null,
        service_account_id: null,
      },
    ]);
  });

  test("costs are its six amounts in cents", async () => {
    const rows = rowsOf(
      await walk(`${api}/cost_report`, { ...day, "group_by[]": ["workspace_id", "description"] }, key),
    );

    const tokens = { model: "claude-sonnet-4-6", service_tier: "standard", context_window: "0-200k" };
    const none = { model: null, service_tier: null, context_window: null };
    const row = (amount: string, token_type: string | null, label: string) => ({
      currency: "USD",
      amount,
      workspace_id: "wrkspc_01AAA",
      description: token_type === null ? label : `Claude Sonnet 4.6 Usage - ${label}`,
      cost_type: token_type === null ? "web_search" : "tokens",
      token_type,
      inference_geo: null,
      ...(token_type === null ? none : tokens),
    });
    const byAmount = (a: Row, b: Row) => (`${a.amount} ${a.description}` < `${b.amount} ${b.description}` ? -1 : 1);
    expect(rows.sort(byAmount)).toEqual(
      [
        row("360", "uncached_input_tokens", "Input Tokens"),
        row("90", "cache_read_input_tokens", "Cache Read Tokens"),
        row("75", "cache_creation.ephemeral_5m_input_tokens", "Cache Write Tokens (5m)"),
        row("30", "cache_creation.ephemeral_1h_input_tokens", "Cache Write Tokens (1h)"),
        row("135", "output_tokens", "Output Tokens"),
        row("30", null, "Web Search Usage"),
      ].sort(byAmount),
    );
  });

  test("names are the example's, and Claude Code was not used", async () => {
    const answer = async (path: string, query = {}) => (await get(`${api}/${path}`, query, key)).body;

    expect((await answer("me")).id).toBe("8d1f0c2a");
    expect((await answer("workspaces")).data.map((one: Row) => one.id)).toEqual(["wrkspc_01AAA"]);
    expect((await answer("api_keys")).data.map((one: Row) => one.id)).toEqual(["apikey_01K1"]);
    expect((await answer("usage_report/claude_code", { starting_at: "2026-07-01" })).data).toEqual([]);
  });

  test("the truth is the example's, and all other days are empty", async () => {
    const { total, days } = await truthOf(simulator.url, "2026-06-30", "2026-07-02", "example-golden");

    expect(total).toMatchObject({
      billed: [{ currency: "USD", amount: "7.2" }],
      tokens: {
        uncached: "1200000",
        cache_read: "3000000",
        cache_write_5m: "200000",
        cache_write_1h: "50000",
        output: "90000",
      },
      meters: { web_search_requests: "30" },
      causes: [],
    });
    expect(sum(Object.values(total.tokens))).toBe("4540000");
    expect([days[0].billed, days[2].billed]).toEqual([[], []]);
  });
});

describe("--late", () => {
  test("a day shows 70, 90, 97 and 100 % of its units, and money stays tokens x price", async () => {
    const late = await startSimulator({ late: true, now });
    const day = "2026-07-15";
    const query = { starting_at: `${day}T00:00:00Z`, ending_at: "2026-07-16T00:00:00Z" };
    const seen = [];
    for (const clock of ["14", "15", "16", "17", "18", "30"]) {
      await control(late.url, "PUT", "/clock", { now: `2026-07-${clock}T09:00:00Z` });
      const truth = (await truthOf(late.url, day, day)).total;
      const organizations = `${late.url}/anthropic/v1/organizations`;
      const costs = rowsOf(await walk(`${organizations}/cost_report`, query, keyOfAccount("example-org")));
      const usage = rowsOf(await walk(`${organizations}/usage_report/messages`, query, keyOfAccount("example-org")));
      seen.push({
        truth: [truth.billed[0]?.amount ?? "0", truth.tokens],
        served: [dollars(costs), tokensOf(usage)],
        residual: sum(truth.causes.map((cause: Row) => cause.amount)),
      });
    }
    await late.stop();

    const tokens = seen.map(({ truth }) => Number(truth[1].uncached));
    const final = seen.at(-1);
    expect(tokens.map((count) => Math.round((count / (tokens.at(-1) ?? 0)) * 1000) / 10)).toEqual([
      0, 70, 90, 97, 100, 100,
    ]);
    expect(seen.map(({ served }) => served)).toEqual(seen.map(({ truth }) => truth));
    expect(seen[4]).toEqual(final);
  });

  test("Claude Code fills up too, and days to come have no record", async () => {
    const late = await startSimulator({ late: true, now });
    const sessions = async (clock: string) => {
      await control(late.url, "PUT", "/clock", { now: `${clock}T09:00:00Z` });
      const url = `${late.url}/anthropic/v1/organizations/usage_report/claude_code`;
      const { data } = (await get(url, { starting_at: "2026-07-15", limit: 1000 }, keyOfAccount("example-org"))).body;
      return data.map((record: Row) => record.core_metrics.lines_of_code.added);
    };

    const [before, first, whole] = [
      await sessions("2026-07-14"),
      await sessions("2026-07-15"),
      await sessions("2026-07-20"),
    ];
    await late.stop();

    expect(before).toEqual([]);
    expect(Number(sum(first)) / Number(sum(whole))).toBeCloseTo(0.7, 2);
  });
});
