import { expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";

type Body = Record<string, unknown>;

const root = { "x-ca-root-key": rootKey };

interface Caller {
  host: Host;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Body>;
}

async function organization(): Promise<Caller> {
  const host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  let own: Record<string, string> = root;
  const call: Caller["call"] = async (method, path, body, headers = own) => {
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${host.url}/api/v1${path}`, { method, headers, ...text });
    const answer = (await response.json()) as Body;
    expect(response.ok, `${method} ${path} ${JSON.stringify(answer)}`).toBe(true);
    return answer;
  };
  await call("POST", "/admin/bootstrap", {});
  const request = { org_slug: "test_org", company_name: "Test", admin_email: "a@example.com" };
  const onboarded = await call("POST", "/organizations/onboard", { ...request, subscription_plan: "SCALE" });
  own = { "x-api-key": String(onboarded["api_key"]) };
  return { host, call };
}

async function loaded(days: Record<string, Record<string, string>>, { call }: Caller): Promise<void> {
  const content = JSON.stringify({ base: "EUR", days });
  await call("POST", "/admin/fx/rates", { format: "json", content, source: "ecb" }, root);
}

const sum = (rows: unknown, name = "total_cost"): string =>
  amountText(sumAmounts((rows as Body[]).map((row) => parseAmount(String(row[name])))));

// prices-and-plans.md D, set of Friday 2026-07-03
it("converts the vectors of the currencies over HTTP, on Saturday by Friday's set", async () => {
  const caller = await organization();
  const converted = async (amount: string, from: string, to: string, date: string): Promise<Body> =>
    caller.call("GET", `/organizations/test_org/fx/convert?amount=${amount}&from=${from}&to=${to}&date=${date}`);
  const seed = await converted("19", "EUR", "JPY", "2026-07-03");
  await loaded({ "2026-07-03": { USD: "1.1402", GBP: "0.8511" } }, caller);

  expect(seed).toMatchObject({ converted: "3087.5", fx: { rate: "162.5", method: "seed", stale: true } });
  for (const [date, carried] of [["2026-07-03", false] as const, ["2026-07-04", true] as const]) {
    for (const [amount, from, to, rate, result] of [
      ["100", "GBP", "USD", "1.339678063682", "133.9678063682"],
      ["1234.56", "USD", "EUR", "0.877039115945", "1082.757410981059"],
      ["1000", "AED", "USD", "0.272294077604", "272.294077604"],
      ["1000", "AED", "GBP", "0.203253367347", "203.253367347"],
    ] as const) {
      const answer = await converted(amount, from, to, date);
      const fx = { from, to, rate, rate_date: "2026-07-03", source: "ecb", method: "market", carried, stale: false };
      expect(answer).toMatchObject({ converted: result, currency: to, fx });
    }
  }
  const parts = await Promise.all(["EUR", "GBP"].map((from) => converted("10", from, "USD", "2026-07-04")));
  expect(sum([{ converted: "10" }, ...parts], "converted")).toBe("34.79878063682");
}, 60_000);

// prices-and-plans.md, shown done when 14
it("gives no grand total over currencies without the rates it was made with, and no native sum moves with a day's rates", async () => {
  const caller = await organization();
  const path = "/subscriptions/test_org/providers/chatgpt_plus/plans";
  const days = { start_date: "2026-07-03", end_date: "2026-07-03" };
  for (const [currency, unit_price] of Object.entries({ USD: "31", EUR: "62", JPY: "3100", VND: "31000" }))
    await caller.call("POST", path, { plan_name: `IN_${currency}`, unit_price, seats: 1, currency, ...days });
  await caller.host.idle();
  const range = "start_date=2026-07-03&end_date=2026-07-03";
  const summary = () => caller.call("GET", `/costs/test_org/summary?${range}`);
  const natives = () => caller.call("GET", `/costs/test_org/summary?${range}&convert=none`);
  await loaded({ "2026-07-02": { USD: "1.1402", JPY: "171.03" } }, caller);

  const [carried, before] = [await summary(), await natives()];
  await loaded({ "2026-07-03": { USD: "1.1402", JPY: "171.03" } }, caller);
  const [own, after] = [await summary(), await natives()];

  // 1 USD, 2 EUR at 1.1402 and 100 JPY at 0.006666666667; VND has no rate.
  for (const [answer, rate_date, isCarried] of [
    [carried, "2026-07-02", true],
    [own, "2026-07-03", false],
  ] as const) {
    expect(answer).toMatchObject({ currency: "USD", total_cost: "3.9470666667" });
    const fx = answer["fx"] as Body[];
    expect(fx.map((each) => [each["from"], each["to"], each["rate_date"], each["carried"]]).sort()).toEqual([
      ["EUR", "USD", rate_date, isCarried],
      ["JPY", "USD", rate_date, isCarried],
    ]);
    expect((answer["completeness"] as Body)["unconverted"]).toMatchObject([
      { currency: "VND", effective_cost: "1000" },
    ]);
    for (const name of ["provider", "category", "charge_category"])
      expect(sum(answer[`breakdown_by_${name}`]), name).toBe("3.9470666667");
    expect([sum(answer["daily_trend"]), sum(answer["top_services"])]).toEqual(["3.9470666667", "3.9470666667"]);
  }
  expect(before).not.toHaveProperty("total_cost");
  const totals = (answer: Body) =>
    (answer["totals_by_currency"] as Body[]).map((each) => [each["currency"], each["effective_cost"]]);
  expect(totals(before)).toEqual([
    ["EUR", "2.00"],
    ["JPY", "100"],
    ["USD", "1.00"],
    ["VND", "1000"],
  ]);
  expect([totals(after), totals(own), totals(carried)]).toEqual([totals(before), totals(before), totals(before)]);
}, 60_000);
