import { expect } from "vitest";

/** One customer's way through the platform over HTTP, as the README tells it. */
export interface JourneyPlatform {
  /** Base URL of the platform. */
  url: string;
  rootKey: string;
  simulatorUrl: string;
}

/** What a caller sends beside method and path. */
interface Call {
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** Calls the platform; the answer is always JSON. */
export async function call(platform: JourneyPlatform, method: string, path: string, sent: Call = {}): Promise<Answer> {
  const response = await fetch(platform.url + path, {
    method,
    headers: { ...sent.headers },
    ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

export function root(platform: JourneyPlatform): Record<string, string> {
  return { "x-ca-root-key": platform.rootKey };
}

/** Bootstraps, onboards an organization and connects OpenAI; answers the organization's key. */
export async function onboard(
  platform: JourneyPlatform,
  slug: string,
  account: string,
  plan = "SCALE",
): Promise<string> {
  const request = {
    org_slug: slug,
    company_name: `${slug} GmbH`,
    admin_email: "admin@example.com",
    subscription_plan: plan,
  };
  const bootstrapped = await call(platform, "POST", "/api/v1/admin/bootstrap", { headers: root(platform), body: {} });
  expect(bootstrapped.status, JSON.stringify(bootstrapped.body)).toBe(200);
  const dryrun = await call(platform, "POST", "/api/v1/organizations/dryrun", {
    headers: root(platform),
    body: request,
  });
  expect(dryrun.body).toMatchObject({ status: "PASSED", ready_for_onboarding: true });
  const onboarded = await call(platform, "POST", "/api/v1/organizations/onboard", {
    headers: root(platform),
    body: request,
  });
  expect(onboarded.status, JSON.stringify(onboarded.body)).toBe(200);
  const revealed = await call(platform, "GET", `/api/v1/admin/dev/api-key/${slug}`, { headers: root(platform) });
  expect(revealed.body["api_key"]).toBe(onboarded.body["api_key"]);
  const key = String(revealed.body["api_key"]);
  const connected = await call(platform, "POST", `/api/v1/integrations/${slug}/openai/setup`, {
    headers: { "x-api-key": key },
    body: { api_key: `sk-admin-sim-${account}` },
  });
  expect(connected.body, JSON.stringify(connected.body)).toMatchObject({
    success: true,
    status: "VALID",
    provider: "openai",
  });
  return key;
}

/** Starts a run; answers its id. */
export async function startRun(
  platform: JourneyPlatform,
  slug: string,
  key: string,
  days: { start_date: string; end_date: string },
): Promise<string> {
  const started = await call(platform, "POST", `/api/v1/pipelines/run/${slug}/openai/cost/usage_cost`, {
    headers: { "x-api-key": key },
    body: days,
  });
  expect(started.status, JSON.stringify(started.body)).toBe(202);
  return String(started.body["run_id"]);
}

/** Watches the run until it has ended. */
export async function watchRun(
  platform: JourneyPlatform,
  slug: string,
  key: string,
  runId: string,
  withinSeconds = 60,
): Promise<Record<string, unknown>> {
  const deadline = Date.now() + withinSeconds * 1000;
  for (;;) {
    const { body } = await call(platform, "GET", `/api/v1/pipelines/${slug}/runs/${runId}`, {
      headers: { "x-api-key": key },
    });
    if (["COMPLETED", "FAILED", "CANCELLED"].includes(String(body["status"]))) return body;
    if (Date.now() > deadline) throw new Error(`the run did not end: ${JSON.stringify(body)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The provider's own figures: billed USD by day, decimal text, and their exact sum. */
export async function truth(
  platform: JourneyPlatform,
  account: string,
  from: string,
  to: string,
): Promise<{ days: Record<string, string>; total: string }> {
  const { parseAmount, sumAmounts, amountText } = await import("#shared/money/amount.ts");
  const response = await fetch(
    `${platform.simulatorUrl}/__sim/truth?provider=openai&account=${account}&from=${from}&to=${to}`,
  );
  const answer = (await response.json()) as { truth: { days: { day: string; billed: { amount: string }[] }[] } };
  const days = Object.fromEntries(answer.truth.days.map(({ day, billed }) => [day, billed[0]?.amount ?? "0"]));
  return { days, total: amountText(sumAmounts(Object.values(days).map(parseAmount))) };
}

/** Decimal text without the trailing zeros that money answers carry. */
export function plain(text: unknown): string {
  const value = String(text);
  return value.includes(".") ? value.replace(/0+$/, "").replace(/\.$/, "") : value;
}

/** The whole way: what the README promises a new user, with the provider's truth to the last digit. */
export async function customerJourney(platform: JourneyPlatform, slug: string, account: string): Promise<void> {
  const key = await onboard(platform, slug, account);
  const enabled = await call(platform, "POST", `/api/v1/subscriptions/${slug}/providers/slack/enable`, {
    headers: { "x-api-key": key },
    body: {},
  });
  // Its known plans come without seats: nothing is charged that nobody has said.
  expect(enabled.body, JSON.stringify(enabled.body)).toMatchObject({ success: true, provider: "slack" });
  const month = { start_date: "2026-07-01", end_date: "2026-07-31" };
  const run = await watchRun(platform, slug, key, await startRun(platform, slug, key, month));
  expect(run, JSON.stringify([run["error_message"], run["error_context"]])).toMatchObject({
    status: "COMPLETED",
    error_context: null,
  });

  const quota = await call(platform, "GET", `/api/v1/organizations/${slug}/quota`, { headers: { "x-api-key": key } });
  expect(quota.body).toMatchObject({
    pipelines_run_today: 1,
    pipelines_succeeded_today: 1,
    concurrent_pipelines_running: 0,
  });
  const query = "start_date=2026-07-01&end_date=2026-07-31";
  const summary = await call(platform, "GET", `/api/v1/costs/${slug}/summary?${query}`, {
    headers: { "x-api-key": key },
  });
  expect(summary.status, JSON.stringify(summary.body)).toBe(200);
  const expected = await truth(platform, account, "2026-07-01", "2026-07-31");
  expect(plain(summary.body["total_billed_cost"])).toBe(expected.total);
  expect(plain(summary.body["total_effective_cost"])).toBe(expected.total);
  const trend = summary.body["daily_trend"] as { date: string; billed_cost: string; state: string }[];
  expect(Object.fromEntries(trend.map(({ date, billed_cost }) => [date, plain(billed_cost)]))).toEqual(expected.days);
  expect(summary.body["contains_simulated"]).toBe(true);
}
