import { afterAll, beforeAll, expect, it } from "vitest";
import { rootKey, sharedHost } from "#scripts/start/host.fixture.ts";

type Body = Record<string, unknown>;

let stop: () => Promise<void>;
let url: string;
let key: string;

beforeAll(async () => {
  const opened = await sharedHost({ RATE_LIMIT_ENABLED: "false" });
  stop = opened.stop;
  url = opened.host.url;
  const root = { "x-ca-root-key": rootKey };
  await call("POST", "/admin/bootstrap", "{}", root);
  const request = { org_slug: "test_org", company_name: "Test", admin_email: "a@example.com" };
  const text = JSON.stringify({ ...request, subscription_plan: "SCALE" });
  key = String((await call("POST", "/organizations/onboard", text, root)).body["api_key"]);
}, 60_000);
afterAll(() => stop());

async function call(
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = { "x-api-key": key },
): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${url}/api/v1${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  return { status: response.status, body: (await response.json()) as Body };
}

const plans = "/subscriptions/test_org/providers/chatgpt_plus/plans";
const subscriptions = "/integrations/test_org/openai/subscriptions";
const prices = "/integrations/test_org/openai/pricing";
const quote = "/genai/test_org/pricing/quote";

// prices-and-plans.md, shown done when 13; the texts are JSON as it travels, for 1e400 is no number that JavaScript has
it.each<[string, string, string[]]>([
  [
    plans,
    '{"plan_name":"X","unit_price":-0.01,"seats":1000001,"start_date":"2026-02-30","source_price":1e400,"exchange_rate_used":"NaN","yearly_price":"0.1234567890123"}',
    ["/exchange_rate_used", "/seats", "/source_price", "/start_date", "/unit_price", "/yearly_price"],
  ],
  [
    plans,
    '{"plan_name":"X","unit_price":0.1234567890123,"discount_type":"percent","discount_value":100.1,"start_date":"1999-12-31"}',
    ["/discount_value", "/start_date", "/unit_price"],
  ],
  [
    plans,
    '{"plan_name":"X","unit_price":10,"seats":2,"discount_type":"fixed","discount_value":"20.01"}',
    ["/discount_value"],
  ],
  [
    subscriptions,
    '{"subscription_name":"x","monthly_cost":-0.01,"unit_price":1e400,"quantity":1000001,"start_date":"2026-02-30","committed_spend_usd":"NaN"}',
    ["/committed_spend_usd", "/monthly_cost", "/quantity", "/start_date", "/unit_price"],
  ],
  [subscriptions, '{"subscription_name":"x","monthly_cost":"1","discount_percentage":100.1}', ["/discount_percentage"]],
  [
    prices,
    '{"model_id":"m","input_per_1m":-0.01,"output_per_1m":1e400,"cached_input_per_1m":"NaN","audio_input_per_1m":"0.1234567890123","effective_from":"2026-02-30"}',
    ["/audio_input_per_1m", "/cached_input_per_1m", "/effective_from", "/input_per_1m", "/output_per_1m"],
  ],
  [
    prices,
    '{"model_id":"m","input_per_1m":0.1234567890123,"output_per_1m":1000000.01,"volume_discount_pct":100.1,"cached_discount_pct":"100.1"}',
    ["/cached_discount_pct", "/input_per_1m", "/output_per_1m", "/volume_discount_pct"],
  ],
  [
    quote,
    '{"provider":"openai","model_id":"gpt-4o","tokens":{"input":9223372036854775808,"output":-1,"cached_input":1e400}}',
    ["/tokens/cached_input", "/tokens/input", "/tokens/output"],
  ],
  [
    quote,
    '{"provider":"openai","model_id":"gpt-4o","day":"2026-02-30","tokens":{"input":"9223372036854775808"},"mtd_tokens":"9223372036854775808"}',
    ["/day", "/mtd_tokens", "/tokens/input"],
  ],
])("%s refuses %s naming every problem, and writes nothing", async (path, text, expected) => {
  const shown = async () => {
    const [a, b, c] = await Promise.all([plans, subscriptions, prices].map((each) => call("GET", each)));
    const { body } = await call("GET", "/organizations/test_org/audit-logs");
    return [a?.body["total"], b?.body["count"], c?.body["price_book_version"], (body["logs"] as Body[]).length];
  };
  const before = await shown();

  const refused = await call("POST", path, text);

  expect(refused.status, JSON.stringify(refused.body)).toBe(422);
  const fields = refused.body["fields"] as { path: string }[];
  expect([...new Set(fields.map((field) => field.path))].sort()).toEqual(expected);
  expect(await shown()).toEqual(before);
});

it.each([plans, subscriptions, prices, quote])("%s takes no NaN: it is no JSON", async (path) => {
  const refused = await call("POST", path, '{"model_id":"m","input_per_1m":NaN}');

  expect([refused.status, refused.body["error"]]).toEqual([400, "NOT_JSON"]);
});
