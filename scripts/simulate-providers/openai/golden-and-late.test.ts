import { Decimal } from "decimal.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../server.ts";
import { control, type Reply, secondsOf, walk } from "../walk-pages.ts";

type Row = Reply["body"];
const Exact = Decimal.clone({ precision: 60 });
const now = "2026-08-15T12:00:00Z";

let simulator: Simulator;
let organization: string;
beforeAll(async () => {
  simulator = await startSimulator({ now, scenario: "wide" });
  organization = `${simulator.url}/openai/v1/organization`;
});
afterAll(() => simulator.stop());

const rowsOf = (buckets: Row[]): Row[] => buckets.flatMap((bucket) => bucket.results);
const money = (rows: Row[]) => sum(rows.map((row) => row.amount.value));
const sum = (values: string[]) => values.reduce((total, value) => total.plus(value), new Exact(0)).toFixed();
const truthOf = async (from: string, to: string, account = "example", url = simulator.url) =>
  (await control(url, "GET", `/truth?provider=openai&account=${account}&from=${from}&to=${to}`)).truth;

describe("account -golden", () => {
  const key = "sk-admin-sim-example-golden";
  const day = { start_time: secondsOf("2026-07-01"), end_time: secondsOf("2026-07-02") };

  test("costs are the five rows of the worked example of provider-adapters.md 3.1", async () => {
    const query = { ...day, group_by: ["project_id", "line_item", "api_key_id"] };
    const rows: Row[] = rowsOf(await walk(`${organization}/costs`, query, key));

    const named = rows.map((row) => [row.line_item, row.amount.value, row.quantity, row.quantity_unit]);
    expect(named.sort()).toEqual([
      ["gpt-5.4-mini-2026-03-17, cached input", "0.003", "40000", "tokens"],
      ["gpt-5.4-mini-2026-03-17, input", "0.06", "80000", "tokens"],
      ["gpt-5.4-mini-2026-03-17, output", "0.0405", "9000", "tokens"],
      ["promotional credit", "-0.25", null, null],
      ["web search tool calls", "0.9", null, null],
    ]);
    expect(new Set(rows.map((row) => `${row.project_id} ${row.api_key_id} ${row.amount.currency}`))).toEqual(
      new Set(["proj_aa11 key_77 usd"]),
    );
  });

  test("usage is the older shape of the example", async () => {
    const group_by = ["project_id", "api_key_id", "model", "batch", "service_tier"];
    const completions = rowsOf(await walk(`${organization}/usage/completions`, { ...day, group_by }, key));
    const searches = rowsOf(await walk(`${organization}/usage/web_search_calls`, day, key));

    expect(completions).toEqual([
      {
        object: "organization.usage.completions.result",
        input_tokens: "120000",
        input_cached_tokens: "40000",
        output_tokens: "9000",
        num_model_requests: "57",
        project_id: "proj_aa11",
        user_id: null,
        api_key_id: "key_77",
        model: "gpt-5.4-mini-2026-03-17",
        batch: false,
        service_tier: "default",
      },
    ]);
    expect(searches).toHaveLength(1);
    expect(searches[0].num_requests).toBe("90");
  });

  test("the truth is the example's, and all other days are empty", async () => {
    const { total, days } = await truthOf("2026-06-30", "2026-07-02", "example-golden");

    expect(total).toMatchObject({
      billed: [{ currency: "USD", amount: "0.7535" }],
      tokens: { uncached: "80000", cache_read: "40000", cache_write: "0", output: "9000" },
      requests: "57",
      causes: [{ cause: "credit_adjustment", amount: "-0.25" }],
    });
    expect([days[0].billed, days[2].billed]).toEqual([[], []]);
  });
});

describe("--late", () => {
  test("a day shows 70, 90, 97 and 100 % of its units, and money stays tokens x price", async () => {
    const late = await startSimulator({ late: true, now });
    const day = "2026-07-15";
    const seen = [];
    for (const clock of ["14", "15", "16", "17", "18", "30"]) {
      await control(late.url, "PUT", "/clock", { now: `2026-07-${clock}T09:00:00Z` });
      const truth = (await truthOf(day, day, "example", late.url)).total;
      const buckets = await walk(`${late.url}/openai/v1/organization/costs`, { start_time: secondsOf(day), limit: 1 });
      seen.push({
        tokens: Number(truth.tokens.uncached),
        truth: truth.billed[0]?.amount,
        served: money(rowsOf(buckets.slice(0, 1))),
      });
    }
    await late.stop();

    const final = seen.at(-1);
    const shares = seen.map(({ tokens }) => Math.round((tokens / (final?.tokens ?? 0)) * 1000) / 10);
    expect(shares).toEqual([0, 70, 90, 97, 100, 100]);
    expect(seen.map(({ served }) => served)).toEqual(seen.map(({ truth }) => truth ?? "0"));
    expect(seen[4]).toEqual(final);
  });

  test("without it a day is whole at once", async () => {
    await control(simulator.url, "PUT", "/clock", { now: "2026-07-15T09:00:00Z" });
    const early = await truthOf("2026-07-15", "2026-07-15");
    await control(simulator.url, "POST", "/reset");

    expect(await truthOf("2026-07-15", "2026-07-15")).toEqual(early);
  });
});
