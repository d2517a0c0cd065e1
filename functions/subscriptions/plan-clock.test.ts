import { beforeEach, expect, it } from "vitest";
import { type TestClock, testClock } from "#scripts/e2e/world.ts";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import { headPath, pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import type { MonthHead, PipelineMonth } from "#shared/ledger/ledger.ts";
import type { PlanVersion } from "#shared/saas-plans/plan.ts";
import { planLinePath } from "#shared/saas-plans/plan-store.ts";

type Body = Record<string, unknown>;

const org = { slug: "test_org", key: "test_org", orgId: "" };
const root = { "x-ca-root-key": rootKey };
const plans = "/subscriptions/test_org/providers/chatgpt_plus/plans";
let host: Host;
let clock: TestClock;
let key: string;

beforeEach(async () => {
  clock = testClock("2026-03-10T12:00:00Z");
  host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }), clock });
  await call("POST", "/admin/bootstrap", {}, root);
  const request = { org_slug: org.slug, company_name: "Test", admin_email: "a@example.com" };
  const onboarded = await call("POST", "/organizations/onboard", { ...request, subscription_plan: "SCALE" }, root);
  key = String(onboarded["api_key"]);
}, 60_000);

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { "x-api-key": key },
): Promise<Body> {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${host.url}/api/v1${path}`, { method, headers, ...text });
  const answer = (await response.json()) as Body;
  expect(response.ok, `${method} ${path} ${JSON.stringify(answer)}`).toBe(true);
  return answer;
}

async function planned(unitPrice: string, seats: number, start_date: string): Promise<string> {
  const { plan } = await call("POST", plans, { plan_name: "TEAM", unit_price: unitPrice, seats, start_date });
  await host.idle();
  return String((plan as Body)["subscription_id"]);
}

async function costOf(from: string, to: string): Promise<unknown> {
  return (await call("GET", `/costs/test_org/summary?start_date=${from}&end_date=${to}`))["total_cost"];
}

async function charged(from: string, to: string): Promise<void> {
  const days = { start_date: from, end_date: to };
  await call("POST", "/pipelines/run/test_org/saas/cost/subscription_costs", days);
  await host.idle();
}

// prices-and-plans.md, shown done when 5
it("makes a plan active at 00:00 UTC of its day without a job and without a write, and charges the old one until then", async () => {
  const id = await planned("31", 1, "2026-03-01");
  await call("POST", `${plans}/${id}/edit-version`, { seats: 2, effective_date: "2026-03-11" });
  await host.idle();
  const shown = async () =>
    ((await call("GET", `${plans}?include_history=true`))["plans"] as Body[])
      .map((plan) => [plan["seats"], plan["status"], plan["is_charging"]])
      .sort();
  const stored = async () => {
    const list = (name: string) => host.ports.documents.list({ collection: `orgs/${org.key}/${name}`, limit: 100 });
    const [versions, switches] = await Promise.all([list("saasPlans"), list("saasProviders")]);
    const lines = versions.documents.map(({ body }) => planLinePath(org, (body as PlanVersion).lineId));
    const all = [...versions.documents, ...switches.documents, ...(await host.ports.documents.getAll(lines))];
    return all.map(({ path, body, version }) => ({ path, body, version }));
  };

  clock.set("2026-03-10T23:59:59.999Z");
  const before = await shown();
  const written = await stored();
  clock.set("2026-03-11T00:00:00.000Z");
  const after = await shown();

  expect(before).toEqual([
    [1, "active", true],
    [2, "pending", false],
  ]);
  expect(after).toEqual([
    [1, "expired", false],
    [2, "active", true],
  ]);
  expect(written.length).toBeGreaterThan(4);
  expect(await stored()).toEqual(written);
  await charged("2026-03-10", "2026-03-11");
  expect([await costOf("2026-03-10", "2026-03-10"), await costOf("2026-03-11", "2026-03-11")]).toEqual([
    "1.00",
    "2.00",
  ]);
}, 60_000);

// prices-and-plans.md, shown done when 16
it("books what a backdated end takes from a closed month once, in an open one, and leaves the closed entries as they are", async () => {
  const id = await planned("25", 10, "2026-01-01");
  expect(await costOf("2026-01-01", "2026-03-10")).toBe("580.645161290328");
  await call("POST", "/costs/test_org/months/2026-01/close", {});
  const closed = async () => {
    const paths = [headPath(org, "2026-01"), pipelineMonthPath(org, "2026-01", "saas-cost-subscription-costs")];
    const [head, pipeline] = await host.ports.documents.getAll<object>(paths);
    const entries = (pipeline?.body as PipelineMonth | undefined)?.entries ?? {};
    expect(Object.keys(entries).length).toBeGreaterThan(0);
    return JSON.stringify([(head?.body as MonthHead | undefined)?.ledgerVersion, entries]);
  };
  const before = await closed();

  const ended = await call("DELETE", `${plans}/${id}`, { end_date: "2026-01-15" });
  await host.idle();
  const once = await costOf("2026-01-01", "2026-03-10");
  await charged("2026-02-20", "2026-03-10");

  expect(ended["restates"]).toEqual({ from: "2026-01-16", to: "2026-03-10", closed_months: ["2026-01"] });
  expect(await closed()).toBe(before);
  expect(await costOf("2026-01-01", "2026-01-31")).toBe("250.00");
  expect(await costOf("2026-02-01", "2026-02-28")).toBe("0.00");
  expect(await costOf("2026-03-01", "2026-03-10")).toBe("-129.032258064512");
  const days = await call("GET", `${plans}/${id}/daily-costs?start_date=2026-01-01&end_date=2026-12-31`);
  expect(days["total"]).toBe("120.967741935488");
  expect([once, await costOf("2026-01-01", "2026-03-10")]).toEqual([days["total"], days["total"]]);
}, 60_000);
