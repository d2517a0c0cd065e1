import { expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";

type Body = Record<string, unknown>;

interface Vector {
  ask: Body;
  /** Costs of the lines by meter, `null` where unpriced. */
  costs: Record<string, string | null>;
  contracted: string | null;
  list?: string;
  status?: string;
}

const million = { input: 1_000_000, output: 1_000_000 };

/** `prices-and-plans.md` A10, by number; what the organization needs of its own is made before. */
const vectors: Record<string, Vector> = {
  "1": {
    ask: { provider: "openai", model_id: "gpt-4o", tokens: { input: 1_234_567, output: 345_678 } },
    costs: { input: "3.0864175", output: "3.45678" },
    contracted: "6.5431975",
    status: "exact",
  },
  "2": {
    ask: { provider: "openai", model_id: "gpt-4o", tokens: { input: 80_000, cached_input: 40_000, output: 9_000 } },
    costs: { input: "0.2", cached_input: "0.05", output: "0.09" },
    contracted: "0.34",
  },
  "3": {
    ask: {
      ...{ provider: "anthropic", model_id: "claude-opus-5" },
      tokens: {
        ...{ input: 8_625_000, cached_input: 2_000_000, output: 640_000 },
        ...{ cache_write_5m: 100_000, cache_write_1h: 50_000 },
      },
    },
    costs: { input: "43.125", cached_input: "1", cache_write_5m: "0.625", cache_write_1h: "0.5", output: "16" },
    contracted: "61.25",
  },
  "4": {
    ask: {
      ...{ provider: "openai", model_id: "gpt-4.1", service_tier: "batch" },
      tokens: { input: 3_000_000, output: 500_000 },
    },
    costs: { input: "3", output: "2" },
    contracted: "5",
    status: "exact",
  },
  "5": {
    ask: {
      ...{ provider: "anthropic", model_id: "claude-sonnet-4-6", service_tier: "batch" },
      tokens: { input: 1_000_000, cached_input: 400_000, output: 200_000 },
    },
    costs: { input: "1.5", cached_input: "0.06", output: "1.5" },
    contracted: "3.06",
    status: "estimate",
  },
  "6a": {
    ask: {
      ...{ provider: "gemini", model_id: "gemini-2.5-pro", request_input_tokens: 200_000 },
      tokens: { input: 200_000, output: 1_000 },
    },
    costs: { input: "0.25", output: "0.01" },
    contracted: "0.26",
  },
  "6b": {
    ask: {
      ...{ provider: "gemini", model_id: "gemini-2.5-pro", request_input_tokens: 200_001 },
      tokens: { input: 200_001, output: 1_000 },
    },
    costs: { input: "0.5000025", output: "0.015" },
    contracted: "0.5150025",
  },
  "7": {
    ask: {
      ...{ provider: "anthropic", model_id: "claude-sonnet-4-5", context_window: "200k-1M" },
      tokens: { input: 1_000_000, cached_input: 100_000, output: 50_000 },
    },
    costs: { input: "6", cached_input: "0.06", output: "1.125" },
    contracted: "7.185",
  },
  "8": {
    ask: {
      ...{ provider: "openai", model_id: "gpt-5.2", service_tier: "priority" },
      tokens: { input: 1_000_000, cached_input: 200_000, output: 100_000 },
    },
    costs: { input: "3.5", cached_input: "0.07", output: "2.8" },
    contracted: "6.37",
  },
  "9": {
    ask: {
      ...{ provider: "openai", model_id: "o3", service_tier: "flex" },
      tokens: { input: 1_000_000, cached_input: 400_000, output: 250_000 },
    },
    costs: { input: "1", cached_input: "0.1", output: "1" },
    contracted: "2.1",
  },
  "10a": {
    ask: { provider: "openai", model_id: "acme-llm", tokens: million, day: "2026-07-31" },
    costs: { input: "1", output: "2" },
    contracted: "3",
  },
  "10b": {
    ask: { provider: "openai", model_id: "acme-llm", tokens: million, day: "2026-08-01" },
    costs: { input: "0.8", output: "1.6" },
    contracted: "2.4",
  },
  "10c, still 07-31 UTC": {
    ask: { provider: "openai", model_id: "acme-llm", tokens: million, day: "2026-08-01T01:30:00+02:00" },
    costs: { input: "1", output: "2" },
    contracted: "3",
  },
  "11a": {
    ask: {
      ...{ provider: "openai", model_id: "gpt-4o-mini", day: "2026-07-10" },
      tokens: { input: 10_000_000, cached_input: 2_000_000, output: 1_000_000 },
    },
    costs: { input: "1.2", cached_input: "0.15", output: "0.6" },
    contracted: "1.95",
    list: "2.25",
  },
  "11b": {
    ask: {
      ...{ provider: "openai", model_id: "gpt-4o-mini", day: "2026-07-09" },
      tokens: { input: 10_000_000, cached_input: 2_000_000, output: 1_000_000 },
    },
    costs: { input: "1.5", cached_input: "0.15", output: "0.6" },
    contracted: "2.25",
    list: "2.25",
  },
  "12": {
    ask: { provider: "openai", model_id: "dear", tokens: { input: 1_200, output: 300 } },
    costs: { input: "6", output: "4.5" },
    contracted: "10.5",
  },
  "13": {
    ask: {
      ...{ provider: "anthropic", model_id: "claude-opus-5", region: "us" },
      tokens: { input: 333_333, output: 77_777 },
    },
    costs: { input: "1.8333315", output: "2.1388675" },
    contracted: "3.972199",
  },
  "14": {
    ask: { provider: "openai", model_id: "much-of-one", mtd_tokens: 900_000, tokens: { input: 300_000 } },
    costs: { input: "0.56" },
    contracted: "0.56",
  },
  "15": {
    ask: { provider: "openai", model_id: "much", mtd_tokens: 800_000, tokens: { input: 600_000, output: 100_000 } },
    costs: { input: "1.114285714286", output: "0.742857142857" },
    contracted: "1.857142857143",
  },
  "19a": tiny("a", "0"),
  "19b": tiny("b", "0.000000000002"),
  "19c": tiny("c", "0.000000000002"),
  "19d": tiny("d", "0.000000000004"),
  "20": {
    ask: { provider: "openai", model_id: "gpt-4o", tokens: { input: "9007199254740993" } },
    costs: { input: "22517998136.8524825" },
    contracted: "22517998136.8524825",
  },
  "21a": {
    ask: { provider: "openai", model_id: "gpt-99", tokens: { input: 1 } },
    costs: { input: null },
    contracted: null,
    status: "unpriced",
  },
  "21b": {
    ask: { provider: "openai", model_id: "ft:gpt-4o-mini:acme::x", tokens: { input: 1 } },
    costs: { input: null },
    contracted: null,
    status: "unpriced",
  },
  "21c": {
    ask: { provider: "deepseek", model_id: "deepseek-v4-pro", tokens: { cache_write_5m: 1_000_000 } },
    costs: { cache_write_5m: "0" },
    contracted: "0",
  },
  "22": {
    ask: { provider: "openai", model_id: "o3", tokens: { audio_input: 1_000_000, input: 1_000_000 } },
    costs: { audio_input: null, input: "2" },
    contracted: "2",
  },
};

function tiny(name: string, cost: string): Vector {
  return {
    ask: { provider: "openai", model_id: `tiny-${name}`, tokens: { input: 1 } },
    costs: { input: cost },
    contracted: cost,
  };
}

/** Prices of the organization that the vectors speak of. */
const own: Body[] = [
  { model_id: "acme-llm", input_per_1m: 1, output_per_1m: 2, effective_from: "2026-01-01" },
  { model_id: "acme-llm", input_per_1m: "0.8", output_per_1m: "1.6", effective_from: "2026-08-01" },
  {
    ...{ model_id: "dear", effective_date: "2025-01-01" },
    ...{ price_per_1k_input_tokens: 5.0, price_per_1k_output_tokens: 15.0 },
  },
  ...["0.0000005", "0.0000015", "0.0000025", "0.0000035"].map((rate, at) => ({
    ...{ model_id: `tiny-${"abcd"[at]}`, input_per_1m: rate, output_per_1m: null, effective_from: "2026-01-01" },
  })),
  ...["much", "much-of-one"].map((model_id) => ({
    ...{ model_id, input_per_1m: 2, output_per_1m: 8, effective_from: "2026-01-01" },
    ...{ volume_threshold_tokens: 1_000_000, volume_discount_pct: 10 },
  })),
];

it("quotes every vector of A10 over HTTP, line by line", async () => {
  const host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  const root = { "x-ca-root-key": rootKey };
  const call = async (method: string, path: string, body: unknown, headers: Record<string, string>) => {
    const response = await fetch(`${host.url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
    const answer = (await response.json()) as Body;
    expect(response.ok, `${path} ${JSON.stringify(answer)}`).toBe(true);
    return answer;
  };
  await call("POST", "/admin/bootstrap", {}, root);
  const request = { org_slug: "test_org", company_name: "Test", admin_email: "a@example.com" };
  const { api_key } = await call("POST", "/organizations/onboard", { ...request, subscription_plan: "SCALE" }, root);
  const key = { "x-api-key": String(api_key) };
  for (const price of own) await call("POST", "/integrations/test_org/openai/pricing", price, key);
  const patch = { provider: "openai", input_per_1m: "0.12", effective_from: "2026-07-10" };
  await call("PUT", "/genai/test_org/pricing/payg/gpt-4o-mini/override", patch, key);

  for (const [number, { ask, costs, contracted, list, status }] of Object.entries(vectors)) {
    const quote = await call("POST", "/genai/test_org/pricing/quote", { day: "2026-08-02", ...ask }, key);

    const lines = quote["lines"] as { meter: string; cost: string | null }[];
    expect(Object.fromEntries(lines.map(({ meter, cost }) => [meter, cost])), `#${number}`).toEqual(costs);
    expect(quote["contracted_cost"], `#${number}`).toBe(contracted);
    if (list !== undefined) expect(quote["list_cost"], `#${number}`).toBe(list);
    if (status !== undefined) expect(quote["status"], `#${number}`).toBe(status);
  }
  const committed = async (provisioned_units: number, used_units: number) => {
    const commitment = { commitment_type: "ptu", provisioned_units, used_units, hours: 24 };
    const asked = { flow: "commitment", provider: "azure_openai", model_id: "gpt-4o", commitment, day: "2026-08-02" };
    return (await call("POST", "/genai/test_org/pricing/quote", asked, key))["contracted_cost"];
  };
  expect([await committed(100, 120), await committed(10, 0)], "#16").toEqual(["3120", "360"]);
  const monthly = { provider: "azure_openai", model_id: "by-the-month", commitment_type: "ptu", monthly_rate: 260 };
  await call("POST", "/genai/test_org/pricing/commitment", { ...monthly, effective_from: "2026-01-01" }, key);
  const february = [];
  for (let at = 1; at <= 28; at += 1) {
    const commitment = { commitment_type: "ptu", provisioned_units: 50 };
    const asked = { flow: "commitment", provider: "azure_openai", model_id: "by-the-month", commitment };
    const day = `2026-02-${String(at).padStart(2, "0")}`;
    february.push((await call("POST", "/genai/test_org/pricing/quote", { ...asked, day }, key))["contracted_cost"]);
  }
  expect(february, "#17").toEqual([...Array(8).fill("464.285714285715"), ...Array(20).fill("464.285714285714")]);
  const gpu = {
    ...{ flow: "infrastructure", provider: "gcp_gpu", instance_type: "a3-highgpu-8g", region: "us-central1" },
    ...{ day: "2026-08-02", infrastructure: { hours: 5.5, instance_count: 2, purchase: "spot" } },
  };
  const spot = await call("POST", "/genai/test_org/pricing/quote", gpu, key);
  expect(spot, "#18").toMatchObject({ list_cost: "973.39", contracted_cost: "389.356", gpu_hours: "88" });
}, 60_000);
