import { expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";

type Body = Record<string, unknown>;

/** prices-and-plans.md E, word for word but for the plan's id. */
const commands = `
GET  /integrations/test_org/openai/pricing
POST /integrations/test_org/openai/pricing        {"model_id":"gpt-4o","price_per_1k_input_tokens":5.00,"price_per_1k_output_tokens":15.00,"effective_date":"2025-01-01"}
GET  /integrations/test_org/openai/subscriptions
POST /integrations/test_org/openai/subscriptions  {"subscription_name":"team_plan","monthly_cost":500.00,"start_date":"2025-01-01"}
GET  /subscriptions/test_org/providers
POST /subscriptions/test_org/providers/chatgpt_plus/enable   {}
GET  /subscriptions/test_org/providers/chatgpt_plus/plans
POST /subscriptions/test_org/providers/chatgpt_plus/plans    {"plan_name":"TEAM","plan_type":"team","price_per_user_monthly":25.00,"currency":"USD","number_of_users":10,"effective_date":"2025-01-01"}
POST /subscriptions/test_org/providers/chatgpt_plus/plans/{id}/edit-version  {"number_of_users":15,"effective_date":"2025-02-01"}
DELETE /subscriptions/test_org/providers/chatgpt_plus/plans/{id}             {"end_date":"2025-03-31"}
POST /subscriptions/test_org/providers/chatgpt_plus/disable  {}
`;

// prices-and-plans.md, shown done when 2
it("the commands of older clients succeed in their order, and their price and plan hold", async () => {
  const host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  let key: Record<string, string> = { "x-ca-root-key": rootKey };
  const call = async (method: string, path: string, body?: string): Promise<Body> => {
    const request = { method, headers: key, ...(body === undefined ? {} : { body }) };
    const response = await fetch(`${host.url}/api/v1${path}`, request);
    const answer = (await response.json()) as Body;
    expect(response.ok, `${method} ${path}: ${JSON.stringify(answer)}`).toBe(true);
    return answer;
  };
  await call("POST", "/admin/bootstrap", "{}");
  const organization = { org_slug: "test_org", company_name: "Test", admin_email: "a@example.com" };
  const onboarding = JSON.stringify({ ...organization, subscription_plan: "SCALE" });
  key = { "x-api-key": String((await call("POST", "/organizations/onboard", onboarding))["api_key"]) };

  let id = "none";
  for (const line of commands.trim().split("\n")) {
    const [, method = "", path = "", body] = /^(\w+) +(\S+) *(\{.*\})?$/.exec(line) ?? [];
    const answer = await call(method, path.replace("{id}", id), body);
    const { plan } = answer as { plan?: Body };
    if (id === "none" && plan !== undefined) id = String(plan["subscription_id"]);
  }
  await host.idle();

  const { pricing } = await call("GET", "/integrations/test_org/openai/pricing?model_id=gpt-4o");
  expect(pricing).toMatchObject([{ model_id: "gpt-4o", input_per_1m: "5000", output_per_1m: "15000" }]);
  const costOf = async (provider: string, month: string, last: number): Promise<unknown> => {
    const range = `start_date=2025-${month}-01&end_date=2025-${month}-${last}`;
    return (await call("GET", `/costs/test_org/summary?${range}&providers=${provider}`))["total_cost"];
  };
  const months = [["01", 31] as const, ["02", 28] as const, ["03", 31] as const, ["04", 30] as const];
  const costs = [];
  for (const [month, last] of months) costs.push(await costOf("chatgpt_plus", month, last));
  expect(costs).toEqual(["250.00", "375.00", "375.00", "0.00"]);
  expect(await costOf("openai", "01", 31)).toBe("500.00");
}, 90_000);
