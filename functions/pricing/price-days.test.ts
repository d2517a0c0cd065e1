import { afterAll, beforeAll, expect, it } from "vitest";
import { rootKey, sharedHost } from "#scripts/start/host.fixture.ts";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { lastPriceDay } from "#shared/prices/price-days.ts";

type Body = Record<string, unknown>;

let stop: () => Promise<void>;
let url: string;
let key: string;
let models = 0;

beforeAll(async () => {
  const opened = await sharedHost({ RATE_LIMIT_ENABLED: "false" });
  stop = opened.stop;
  url = opened.host.url;
  const root = { "x-ca-root-key": rootKey };
  await call("POST", "/admin/bootstrap", {}, root);
  const request = { org_slug: "test_org", company_name: "Test", admin_email: "a@example.com" };
  const onboarded = await call("POST", "/organizations/onboard", { ...request, subscription_plan: "SCALE" }, root);
  key = String(onboarded.body["api_key"]);
}, 60_000);
afterAll(() => stop());

async function call(
  method: string,
  path: string,
  body: Body,
  headers: Record<string, string> = { "x-api-key": key },
): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Body };
}

const priced = (model_id: string, input_per_1m: number, effective_from: string) =>
  call("POST", "/integrations/test_org/openai/pricing", { model_id, input_per_1m, output_per_1m: 1, effective_from });

function nextDay(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}

// prices-and-plans.md, shown done when 12
inEveryTimeZone(() => {
  it("holds a price from the first to the last instant of its UTC days, on 29 February and at the year's end", async () => {
    models += 1;
    const model_id = `days-${models}`;
    const starts = ["2000-01-01", "2028-02-29", "2028-03-01", "2028-12-31", "2029-01-01"];
    for (const [at, day] of starts.entries()) expect((await priced(model_id, at + 1, day)).status).toBe(201);
    const costAt = async (day: string): Promise<unknown> => {
      const asked = { provider: "openai", model_id, tokens: { input: 1_000_000 }, day };
      return (await call("POST", "/genai/test_org/pricing/quote", asked)).body["contracted_cost"];
    };

    const found = [];
    for (const day of starts.slice(1)) {
      const eve = new Date(Date.parse(`${day}T00:00:00Z`) - 1).toISOString();
      for (const instant of [eve, `${day}T00:00:00.000Z`, day, `${day}T23:59:59.999Z`])
        found.push(await costAt(instant));
    }

    const around = (before: string, own: string) => [before, own, own, own];
    expect(found).toEqual([...around("1", "2"), ...around("2", "3"), ...around("3", "4"), ...around("4", "5")]);
    expect([await costAt("2000-01-01"), await costAt("2028-02-29T23:59:59.999-12:00")]).toEqual(["1", "3"]);
  });

  it("takes prices and plans of 2000-01-01 and of today and five years, and refuses a day before and a day beyond", async () => {
    models += 1;
    const last = lastPriceDay(new Date().toISOString().slice(0, 10));
    const plan = (name: string, start_date: string) =>
      call("POST", "/subscriptions/test_org/providers/chatgpt_plus/plans", {
        plan_name: `${name} ${models}`,
        ...{ unit_price: "0", seats: 1, start_date },
      });
    const days = ["1999-12-31", "2000-01-01", last, nextDay(last)];

    const prices = await Promise.all(days.map((day, at) => priced(`bound-${models}-${at}`, 1, day)));
    const plans = await Promise.all(days.map((day, at) => plan(`BOUND ${at}`, day)));

    expect(prices.map(({ status }) => status)).toEqual([422, 201, 201, 422]);
    expect(plans.map(({ status }) => status)).toEqual([422, 201, 201, 422]);
    const paths = ({ body }: { body: Body }) => (body["fields"] as Body[]).map(({ path }) => path);
    expect([prices, plans].map(([first, , , beyond]) => [first, beyond].map((each) => each && paths(each)))).toEqual([
      [["/effective_from"], ["/effective_from"]],
      [["/start_date"], ["/start_date"]],
    ]);
    const end = { plan_name: `ENDS ${models}`, unit_price: "1", end_date: nextDay(last) };
    const beyond = await call("POST", "/subscriptions/test_org/providers/chatgpt_plus/plans", end);
    expect([beyond.status, paths(beyond)]).toEqual([422, ["/end_date"]]);
  });
});
