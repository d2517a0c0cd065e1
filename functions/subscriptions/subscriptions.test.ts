import { beforeEach, describe, expect, it } from "vitest";
import { apiOf, type Body, rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Host } from "#scripts/start/host.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";

let host: Host;
let key: string;
const { call, onboarded } = apiOf(() => ({ host, key }));

beforeEach(async () => {
  host = await testHost({ config: await testConfiguration({ RATE_LIMIT_ENABLED: "false" }) });
  await call("POST", "/admin/bootstrap", {}, { "x-ca-root-key": rootKey });
  key = await onboarded("test_org");
}, 60_000);

const providers = "/subscriptions/test_org/providers";
const plans = `${providers}/chatgpt_plus/plans`;

/** Waits until the runs that plan changes have asked for are over, as many as said at least. */
async function published(count: number): Promise<Body[]> {
  let runs: Body[] = [];
  const isOver = async (): Promise<boolean> => {
    runs = (await call("GET", "/pipelines/test_org/runs?limit=100")).body["runs"] as Body[];
    return runs.length >= count && runs.every((run) => run["status"] === "COMPLETED");
  };
  await expect.poll(isOver, { timeout: 30_000, interval: 50 }).toBe(true);
  return runs;
}

async function costOf(from: string, to: string): Promise<unknown> {
  const { status, body } = await call("GET", `/costs/test_org/summary?start_date=${from}&end_date=${to}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body["total_cost"];
}

async function planOf(body: Body, path = plans): Promise<Body> {
  const answer = await call("POST", path, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body["plan"] as Body;
}

async function audited(action: string): Promise<number> {
  const { body } = await call("GET", `/organizations/test_org/audit-logs?action=${action}`);
  return (body["logs"] as Body[]).length;
}

/** The UTC day so many days from now. */
function dayFromNow(count: number): string {
  return new Date(Date.now() + count * 86_400_000).toISOString().slice(0, 10);
}

describe("plans of a provider", () => {
  // prices-and-plans.md E; shown done when 2
  it("are changed by the commands of older clients and cost what they say, day by day", async () => {
    const listed = await call("GET", providers);
    const enabled = await call("POST", `${providers}/chatgpt_plus/enable`, {});
    const seeded = await call("GET", plans);
    const created = await call("POST", plans, {
      plan_name: "TEAM",
      plan_type: "team",
      price_per_user_monthly: 25.0,
      currency: "USD",
      number_of_users: 10,
      effective_date: "2025-01-01",
    });
    expect(created.status, JSON.stringify(created.body)).toBe(201);
    const id = String((created.body["plan"] as Body)["subscription_id"]);
    const edited = await call("POST", `${plans}/${id}/edit-version`, {
      number_of_users: 15,
      effective_date: "2025-02-01",
    });
    const ended = await call("DELETE", `${plans}/${id}`, { end_date: "2025-03-31" });
    const disabled = await call("POST", `${providers}/chatgpt_plus/disable`, {});

    expect(listed.status).toBe(200);
    expect(enabled.body).toMatchObject({ success: true, provider: "chatgpt_plus", plans_seeded: 4 });
    expect((seeded.body["plans"] as Body[]).map((plan) => [plan["plan_name"], plan["seats"]])).toEqual([
      ["ENTERPRISE", 0],
      ["FREE", 0],
      ["PLUS", 0],
      ["TEAM", 0],
    ]);
    expect([edited.status, ended.status, disabled.status], JSON.stringify([edited, ended, disabled])).toEqual([
      200, 200, 200,
    ]);
    const other = { old_plan: { end_date: "2025-01-31", status: "expired" }, new_plan: { seats: 15, version: 3 } };
    expect(edited.body).toMatchObject({ success: true, restates: { from: "2025-02-01", closed_months: [] }, ...other });
    expect(ended.body).toMatchObject({
      success: true,
      also_ended: [expect.stringContaining("sub_chatgpt_plus_team_")],
    });
    expect(disabled.body).toMatchObject({ plans_ended: 3, plans_deleted: 3 });
    await published(1);
    expect(await costOf("2025-01-01", "2025-01-31")).toBe("250.00");
    expect(await costOf("2025-02-01", "2025-02-28")).toBe("375.00");
    expect(await costOf("2025-03-01", "2025-03-31")).toBe("375.00");
    expect(await costOf("2025-04-01", "2025-12-31")).toBe("0.00");
    const status = (await call("GET", "/pipelines/status/test_org")).body["pipelines"] as Record<string, Body>;
    expect(status["saas-cost-subscription-costs"]).toMatchObject({
      status: "COMPLETED",
      covered_through: dayFromNow(0),
    });
    const days = await call("GET", `${plans}/${id}/daily-costs?start_date=2025-01-01&end_date=2025-12-31`);
    expect(days.body).toMatchObject({ total: "1000", unpriced: [] });
    const history = await call("GET", `${plans}/${id}/history`);
    expect(
      (history.body["versions"] as Body[]).map((each) => [each["version"], each["withdrawn_at"] === null]),
    ).toEqual([
      [1, false],
      [2, true],
      [3, true],
    ]);
  }, 60_000);

  // shown done when 6
  it("cost nothing while they have no seats, whatever is switched on", async () => {
    const all = ((await call("GET", providers)).body["providers"] as Body[]).map((each) => String(each["provider"]));
    const [start_date, end_date] = [dayFromNow(-3), dayFromNow(-1)];
    await planOf({ plan_name: "OWN", unit_price: "31", seats: 1, start_date, end_date });
    const runsBefore = (await published(1)).length;
    const spent = await costOf(start_date, dayFromNow(0));
    for (const provider of all) await call("POST", `${providers}/${provider}/enable`, {});
    const before = (await call("GET", "/subscriptions/test_org/all-plans?page_size=500")).body;
    const team = (before["plans"] as Body[]).find(
      (each) => each["provider"] === "slack" && each["plan_name"] === "PRO",
    );
    const path = `${providers}/slack/plans/${team?.["subscription_id"]}`;
    const unbought = await call("GET", `${path}/daily-costs`);
    const runs = await published(runsBefore);
    const untouched = await costOf(start_date, dayFromNow(0));
    const bought = await call("PUT", path, { seats: 3 });
    await published(runsBefore + 1);
    const charged = await costOf(start_date, dayFromNow(0));
    const own = `${providers}/slack/plans/${(bought.body["plan"] as Body)["subscription_id"]}/daily-costs`;
    const today = (await call("GET", `${own}?start_date=${dayFromNow(0)}&end_date=${dayFromNow(0)}`)).body["total"];
    const after = (await call("GET", `${providers}/slack/plans`)).body;

    expect([all.length, (before["pagination"] as Body)["total"]]).toEqual([32, 95]);
    expect([unbought.body["total"], runs.length, untouched]).toEqual(["0", runsBefore, spent]);
    const difference = parseAmount(String(charged)).minus(parseAmount(String(spent)));
    expect([amountText(difference), difference.isZero()]).toEqual([today, false]);
    expect(before["summary"]).toMatchObject({
      total_monthly_cost: "0.00",
      totals_by_currency: {},
      completeness: { unpriced: [] },
    });
    expect([bought.status, (bought.body["plan"] as Body)["cycle_cost"]]).toEqual([200, "26.25"]);
    expect(after).toMatchObject({ total_monthly_cost: "26.25", total_annual_cost: "315.00", currency: "USD", fx: [] });
    expect((await call("POST", `${providers}/slack/enable`, {})).body["plans_seeded"]).toBe(0);
    expect((await call("POST", `${providers}/openai/enable`, {})).body["error"]).toBe("USE_INTEGRATION");
  }, 60_000);

  // shown done when 4
  it("are changed by one of fifty at once, the others are told which version holds", async () => {
    const plan = await planOf({ plan_name: "TEAM", unit_price: "25", seats: 1, start_date: dayFromNow(-3) });
    const edit = { seats: 2, effective_date: dayFromNow(1) };
    const path = `${plans}/${plan["subscription_id"]}/edit-version`;

    const answers = await Promise.all(Array.from({ length: 50 }, () => call("POST", path, edit)));

    const won = answers.filter(({ status }) => status === 200);
    const lost = answers.filter(({ status }) => status === 409);
    expect([won.length, lost.length]).toEqual([1, 49]);
    expect(new Set(lost.map(({ body }) => body["error"]))).toEqual(new Set(["PLAN_SUPERSEDED"]));
    expect(new Set(lost.map(({ body }) => body["current_id"])).size).toBe(1);
    const { body } = await call("GET", `${plans}?include_history=true`);
    const open = (body["plans"] as Body[]).filter((each) => each["end_date"] === null);
    expect(open).toHaveLength(1);
    expect(await audited("saas_plan.versioned")).toBe(1);
  }, 60_000);

  it("are written once under one idempotency key, in header or query", async () => {
    const request = { plan_name: "PRO", unit_price: 20, seats: 1, start_date: dayFromNow(2) };

    const first = await call("POST", `${plans}?idempotency_key=once`, request);
    const again = await call("POST", `${plans}?idempotency_key=once`, request);
    const other = await call("POST", plans, request);

    expect([first.status, again.status, other.status]).toEqual([201, 201, 409]);
    expect(again.body).toEqual(first.body);
    expect(other.body).toMatchObject({
      error: "PLAN_EXISTS",
      current_id: (first.body["plan"] as Body)["subscription_id"],
    });
    expect((first.body["plan"] as Body)["status"]).toBe("pending");
    expect(await audited("saas_plan.created")).toBe(1);
  });

  // shown done when 13
  it("are refused with everything that is wrong with them, and nothing is written", async () => {
    const fields = async (body: Body): Promise<string[]> => {
      const answer = await call("POST", plans, { plan_name: "X", ...body });
      expect(answer.status, JSON.stringify(answer.body)).toBe(422);
      return [...new Set((answer.body["fields"] as Body[]).map(({ path }) => String(path)))].sort();
    };

    expect(await fields({ unit_price: -0.01, seats: 1_000_001, start_date: "2025-02-30" })).toEqual([
      "/seats",
      "/start_date",
      "/unit_price",
    ]);
    const discount = { discount_type: "percent", discount_value: "100.1" };
    expect(await fields({ unit_price: "0.1234567", ...discount, start_date: "1999-12-31" })).toEqual([
      "/discount_value",
      "/start_date",
      "/unit_price",
    ]);
    expect(await fields({ unit_price: "10", discount_type: "fixed", discount_value: "10.01" })).toEqual([
      "/discount_value",
    ]);
    expect(await fields({ unit_price: "10", cost_per_cycle: "11" })).toContain("/cost_per_cycle");
    expect(await fields({ billing_cycle: "custom", currency: "XYZ", hierarchy_entity_id: "a/b" })).toEqual([
      "/hierarchy_entity_id",
    ]);
    expect(await fields({ billing_cycle: "custom", currency: "XYZ" })).toEqual(["/currency", "/cycle_days"]);
    const entity = await call("POST", plans, { plan_name: "X", hierarchy_entity_id: "nobody" });
    expect(entity.body["error"]).toBe("HIERARCHY_ENTITY_UNKNOWN");
    expect((await call("GET", plans)).body["total"]).toBe(0);
  });

  it("are ended, go on and begin anew, and nothing is deleted", async () => {
    const plan = await planOf({ plan_name: "TEAM", unit_price: "31", seats: 1, start_date: dayFromNow(-40) });
    const id = String(plan["subscription_id"]);
    const toggle = `${providers}/chatgpt_plus/toggle/${id}`;

    const off = await call("POST", toggle);
    const listed = ((await call("GET", plans)).body["plans"] as Body[])[0];
    const on = await call("POST", toggle);
    const past = await call("DELETE", `${plans}/${id}?end_date=${dayFromNow(-10)}`);
    const again = await call("DELETE", `${plans}/${id}`, {});
    const anew = await call("POST", toggle);

    expect([off.body["status"], on.body["status"], on.body["subscription_id"]]).toEqual(["cancelled", "active", id]);
    expect(listed).toMatchObject({ status: "cancelled", is_charging: true, charges_until: dayFromNow(0) });
    expect(past.body).toMatchObject({ restates: { from: dayFromNow(-9), to: dayFromNow(0) } });
    expect(again.body).toMatchObject({ plan: { end_date: dayFromNow(-10) }, restates: null });
    expect([anew.status, anew.body["status"]]).toEqual([200, "active"]);
    expect(anew.body["subscription_id"]).not.toBe(id);
    const before = await call("DELETE", `${plans}/${anew.body["subscription_id"]}`, { end_date: dayFromNow(-41) });
    expect([before.status, ((await call("GET", `${plans}/${id}/history`)).body["versions"] as Body[]).length]).toEqual([
      422, 2,
    ]);
  });

  it("change their description in place and their price from their own start", async () => {
    const plan = await planOf({ plan_name: "TEAM", unit_price: "30", seats: 1, start_date: dayFromNow(-2) });
    const path = `${plans}/${plan["subscription_id"]}`;

    const named = await call("PUT", path, { notes: "renewed", expected_updated_at: plan["updated_at"] });
    const stale = await call("PUT", path, { notes: "late", expected_updated_at: plan["updated_at"] });
    const empty = await call("PUT", path, {});
    const priced = await call("PUT", path, { unit_price: "60" });
    const outdated = await call("PUT", path, { unit_price: "70" });

    expect(named.body).toMatchObject({ plan: { subscription_id: plan["subscription_id"] }, restates: null });
    expect([stale.body["error"], empty.status]).toEqual(["VERSION_CONFLICT", 422]);
    expect(priced.body).toMatchObject({
      plan: { version: 2, start_date: dayFromNow(-2), unit_price: "60", notes: "renewed" },
    });
    expect(outdated.body).toMatchObject({
      error: "PLAN_SUPERSEDED",
      current_id: (priced.body["plan"] as Body)["subscription_id"],
    });
  });

  it("of another organization, or of another provider, are not found", async () => {
    const plan = await planOf({ plan_name: "TEAM", unit_price: "30", seats: 1 });
    const own = key;
    key = await onboarded("other_org");

    const path = `/subscriptions/other_org/providers/chatgpt_plus/plans/${plan["subscription_id"]}`;
    const foreign = await call("GET", `${path}/history`);
    const listed = await call("GET", "/subscriptions/other_org/all-plans");

    expect([foreign.status, (listed.body["pagination"] as Body)["total"]]).toEqual([404, 0]);
    key = own;
    expect((await call("GET", `${providers}/slack/plans/${plan["subscription_id"]}/history`)).status).toBe(404);
  });

  it("say what nobody knows the price of, and convert other currencies at a dated rate or not at all", async () => {
    await planOf({ plan_name: "ENTERPRISE", unit_price: null, seats: 5 });
    await planOf({ plan_name: "TEAM", unit_price: "10", seats: 1, currency: "EUR" });
    await planOf({ plan_name: "PLUS", plan_type: "flat", cost_per_cycle: "20" });

    const { body } = await call("GET", plans);
    await planOf({ plan_name: "LOCAL", unit_price: "100", seats: 1, currency: "VND" });
    const without = await call("GET", plans);

    const unpriced = (body["plans"] as Body[]).find((each) => each["plan_name"] === "ENTERPRISE");
    expect(unpriced).toMatchObject({ cost_status: "unpriced", cycle_cost: null, is_charging: true });
    expect(body).toMatchObject({
      // 20 and 10 at 1.086956521739, the rate of the seed
      total_monthly_cost: "30.86956521739",
      totals_by_currency: { EUR: { monthly_cost: "10.00" }, USD: { monthly_cost: "20.00" } },
      fx: [{ from: "EUR", to: "USD", rate: "1.086956521739", method: "seed", stale: true }],
      completeness: { unconverted: [], unpriced: [unpriced?.["subscription_id"]] },
    });
    expect(without.body).toMatchObject({ total_monthly_cost: null, completeness: { unconverted: ["VND"] } });
  });
});

describe("a plan without a price", () => {
  it("makes the costs of its days incomplete and is listed there, until somebody knows its price", async () => {
    const [start_date, end] = [dayFromNow(-15), dayFromNow(-6)];
    const billing_cycle = "weekly";
    const range = `start_date=${start_date}&end_date=${end}`;
    const costs = async (more = ""): Promise<Body> =>
      (await call("GET", `/costs/test_org/summary?${range}${more}`)).body;
    await planOf({ plan_name: "PLUS", plan_type: "flat", cost_per_cycle: "7", billing_cycle, start_date });
    const open = { plan_name: "ENTERPRISE", unit_price: null, seats: 5, billing_cycle, start_date, end_date: end };
    const plan = await planOf(open);
    await host.idle();

    const before = await costs();
    const saas = await costs("&categories=saas");
    const llm = await costs("&categories=llm");
    await call("PUT", `${plans}/${plan["subscription_id"]}`, { unit_price: "7" });
    await host.idle();
    const after = await costs();

    expect(before).toMatchObject({ total_cost: "10.00", complete: false });
    const unpriced = (answer: Body) => ((answer["completeness"] as Body)["unpriced"] as Body)["items"];
    const item = { provider: "chatgpt_plus", model: "ENTERPRISE", meter: "seat_days", days: 10, quantity: "50" };
    expect(unpriced(before)).toEqual([item]);
    expect(unpriced(saas)).toEqual([item]);
    expect(unpriced(llm)).toEqual([]);
    expect(unpriced(after)).toEqual([]);
    expect(after["total_cost"]).toBe("60.00");
  }, 120_000);
});

describe("subscriptions with a provider", () => {
  const own = "/integrations/test_org/openai/subscriptions";

  // prices-and-plans.md B, E
  it("are listed before any setup, added by the names of older clients, and charge what they say", async () => {
    const listed = await call("GET", own);
    const older = { subscription_name: "team_plan", monthly_cost: 500.0, start_date: "2025-01-01" };
    const added = await call("POST", own, older);
    const again = await call("POST", own, { ...older, subscription_name: "TEAM_PLAN" });
    const changed = await call("PUT", `${own}/team_plan`, { monthly_cost: "600", effective_date: "2025-03-01" });
    const ended = await call("DELETE", `${own}/Team_Plan`, { end_date: "2025-04-30" });
    const got = await call("GET", `${own}/${added.body["subscription_id"]}`);

    expect(listed.body).toMatchObject({ org_slug: "test_org", provider: "openai", count: 7 });
    expect(added.status, JSON.stringify(added.body)).toBe(201);
    expect([again.status, again.body["error"]]).toEqual([409, "SUBSCRIPTION_EXISTS"]);
    expect([changed.status, changed.body["version"], ended.status]).toEqual([200, 2, 204]);
    expect(got.body).toMatchObject({ subscription_name: "team_plan", status: "cancelled", end_date: "2025-04-30" });
    expect((got.body["versions"] as Body[]).map((each) => each["end_date"])).toEqual(["2025-02-28", "2025-04-30"]);
    await published(2);
    expect(await costOf("2025-01-01", "2025-01-31")).toBe("500.00");
    expect(await costOf("2025-03-01", "2025-12-31")).toBe("1200.00");
  }, 60_000);

  it("are refused where their price contradicts itself, and hold as they came after a reset", async () => {
    const wrong = await call("POST", own, { plan_name: "x", monthly_cost: 10, unit_price: 3, quantity: 3 });
    await call("POST", own, { plan_name: "units", unit_price: 3, quantity: 3, committed_spend_usd: "100" });
    await call("PUT", `${own}/TIER2`, { monthly_cost: "40", rpm_limit: 500 });
    const changed = await call("GET", `${own}/tier2`);
    const reset = await call("POST", `${own}/reset`);

    expect([wrong.status, (wrong.body["fields"] as Body[])[0]?.["path"]]).toEqual([422, "/monthly_cost"]);
    expect(changed.body).toMatchObject({ monthly_cost: "40", rpm_limit: 500, is_custom: true, cycle_cost: "40" });
    const rows = reset.body["subscriptions"] as Body[];
    expect(rows.find((row) => row["plan_name"] === "units")).toMatchObject({
      status: "cancelled",
      cycle_cost: "9",
    });
    expect(rows.filter((row) => row["is_custom"] === false)).toHaveLength(7);
    const { body } = await call("GET", `${own}/units`);
    expect(body["commitment"]).toEqual({ committed: "100", used: "0", remaining: "100" });
  });
});
