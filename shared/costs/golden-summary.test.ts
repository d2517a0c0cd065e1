import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { storeRates } from "#shared/money/fx.fixture.ts";
import { goldenPublications } from "./golden-charges.fixture.ts";
import { freshStores, publish, type Stores } from "./publication.fixture.ts";
import { march, stable, summary } from "./summary.fixture.ts";

/** Made once: no test here changes it. */
let golden: Stores;

beforeAll(async () => {
  golden = await freshStores({ now: "2026-03-05T06:00:00Z" });
  for (const publication of goldenPublications()) await publish(golden, publication);
  await storeRates(golden.documents, marketRates);
});

afterAll(() => golden.close());

/** EUR to USD; 03-01 is a Sunday. */
const marketRates = {
  "2026-02-27": { USD: "1.0800" },
  "2026-03-02": { USD: "1.0850" },
  "2026-03-03": { USD: "1.0820" },
  "2026-03-04": { USD: "1.0900" },
};

describe("golden vectors of costs.md section 11", () => {
  it("gives the totals of all rows in the organization's currency", async () => {
    const answer = await summary(golden, march);

    expect(answer).toMatchObject({
      org_slug: "golden_org",
      currency: "USD",
      basis: "effective",
      total_cost: "143.804932931508",
      total_effective_cost: "143.804932931508",
      total_billed_cost: "1340.504932931508",
      total_list_cost: "1351.259182931508",
      total_contracted_cost: "1345.504932931508",
      total_savings: "7.45425",
      savings_negotiated: "5.75425",
      savings_commitment: "1.70",
      total_credits: "-3.70",
      total_tax: "2.31",
      total_adjustments: "-0.75",
      record_count: 24,
      ledger_versions: { "2026-03": 7 },
      contains_simulated: false,
      date_range: { start_date: "2026-03-01", end_date: "2026-03-04", days: 4, label: "custom", time_zone: "UTC" },
    });
  });

  it("breaks down by provider, SaaS as one group with members", async () => {
    const { breakdown_by_provider: groups } = await summary(golden, march);

    const seen = groups.map((group) => [
      group.provider,
      group.provider_name,
      group.total_cost,
      group.percentage,
      group.record_count,
    ]);
    expect(seen).toEqual([
      ["anthropic", "Anthropic", "83.125165", 57.8, 3],
      ["gcp", "GCP", "23.573333", 16.39, 6],
      ["saas", "SaaS", "17.487684931508", 12.16, 8],
      ["openai", "OpenAI", "16.31875", 11.35, 5],
      ["aws", "AWS", "3.30", 2.29, 2],
    ]);
    expect(groups.at(-1)?.billed_cost).toBe("1200.00");
    expect(groups[2]?.members).toMatchObject([
      { provider: "slack", provider_name: "Slack", total_cost: "13.150684931508", percentage: 9.14, record_count: 4 },
      { provider: "canva", total_cost: "4.337", percentage: 3.02, record_count: 4 },
    ]);
  });

  it("breaks down by category, all four, and by charge category", async () => {
    const answer = await summary(golden, march);

    const categories = answer.breakdown_by_category;
    expect(categories.map((group) => [group.category, group.total_cost, group.billed_cost, group.percentage])).toEqual([
      ["llm", "102.777248", "102.777248", 71.47],
      ["cloud", "23.54", "1220.24", 16.37],
      ["saas", "17.487684931508", "17.487684931508", 12.16],
      ["other", "0.00", "0.00", 0],
    ]);
    const charges = answer.breakdown_by_charge_category;
    expect(charges.map((group) => [group.charge_category, group.total_cost, group.percentage])).toEqual([
      ["Usage", "128.457248", 89.33],
      ["Purchase", "17.487684931508", 12.16],
      ["Tax", "2.31", 1.61],
      ["Adjustment", "-0.75", -0.52],
      ["Credit", "-3.70", -2.57],
    ]);
  });

  it("shows each day with what is known of it", async () => {
    const { daily_trend: trend } = await summary(golden, march);

    expect(trend.map((day) => [day.date, day.total_cost, day.billed_cost, day.effective_cost, day.state])).toEqual([
      ["2026-03-01", "19.486586232877", "1219.486586232877", "19.486586232877", "complete"],
      ["2026-03-02", "61.611004232877", "58.311004232877", "61.611004232877", "complete"],
      ["2026-03-03", "11.929671232877", "11.929671232877", "11.929671232877", "complete"],
      ["2026-03-04", "50.777671232877", "50.777671232877", "50.777671232877", "partial"],
    ]);
  });

  it("shows the largest services and the sum of the others", async () => {
    const answer = await summary(golden, { ...march, top: 3 });

    expect(answer.top_services.map(({ provider, service, total_cost }) => [provider, service, total_cost])).toEqual([
      ["anthropic", "Claude API", "83.125165"],
      ["openai", "OpenAI API", "16.31875"],
      ["slack", "Slack", "13.150684931508"],
    ]);
    expect(answer.top_services_remainder).toMatchObject({ group_count: 7, total_cost: "31.210333" });
  });

  it("shows what was spent in each currency, and the dated rates that the total was made with", async () => {
    const answer = await summary(golden, march);

    expect(answer.totals_by_currency).toMatchObject([
      { currency: "EUR", effective_cost: "12.00", billed_cost: "12.00", list_cost: "15.00", record_count: 5 },
      { currency: "USD", effective_cost: "130.787932931508", billed_cost: "1327.487932931508", record_count: 19 },
    ]);
    const rate = { from: "EUR", to: "USD", source: "ecb", method: "market", carried: false, stale: false };
    expect(answer.fx).toEqual([
      { ...rate, rate: "1.08", rate_date: "2026-02-27", carried: true },
      { ...rate, rate: "1.085", rate_date: "2026-03-02" },
      { ...rate, rate: "1.082", rate_date: "2026-03-03" },
      { ...rate, rate: "1.09", rate_date: "2026-03-04" },
    ]);
    expect(answer.completeness.unconverted).toEqual([]);
  });

  it("answers in euros at the rates of the days", async () => {
    const answer = await summary(golden, { ...march, currency: "eur" });

    expect(answer).toMatchObject({
      currency: "EUR",
      total_effective_cost: "132.43806473142",
      total_billed_cost: "1240.507701188242",
      record_count: 24,
    });
    expect(answer.fx).toMatchObject([
      { from: "USD", rate: "0.925925925926", carried: true },
      { from: "USD", rate: "0.921658986175" },
      { from: "USD", rate: "0.924214417745" },
      { from: "USD", rate: "0.917431192661" },
    ]);
    expect(answer.totals_by_currency).toEqual((await summary(golden, march)).totals_by_currency);
  });

  it("leaves out what no source has a rate for, and says so", async () => {
    const answer = await summary(golden, { ...march, currency: "VND" });

    expect(answer).toMatchObject({ total_cost: "0", record_count: 0, fx: [], complete: false });
    expect(answer.completeness).toMatchObject({
      status: "partial",
      unconverted: [
        { currency: "EUR", billed_cost: "12.00", effective_cost: "12.00", days: 4 },
        { currency: "USD", billed_cost: "1327.487932931508", effective_cost: "130.787932931508", days: 4 },
      ],
    });
    expect(answer.providers).toEqual(["anthropic", "aws", "canva", "gcp", "openai", "slack"]);
  });

  it.each(["XAU", "ZZZ"])("refuses %s, which is no currency of the platform", async (currency) => {
    await expect(summary(golden, { ...march, currency })).rejects.toMatchObject({ code: "INVALID_PARAMETER" });
  });

  it("names the late source, its missing day and how far the numbers reach", async () => {
    const { completeness } = await summary(golden, march);

    expect(completeness).toMatchObject({
      status: "partial",
      published_through: "2026-03-03",
      complete_through: "2026-03-03",
      ignored_sources: [],
    });
    expect(completeness.sources.find(({ provider }) => provider === "gcp")).toEqual({
      pipeline: "gcp-cost-daily",
      source: "src",
      provider: "gcp",
      state: "late",
      last_published_day: "2026-03-03",
      expected_lag_days: 1,
      expected_through: "2026-03-04",
      missing_days: [{ from: "2026-03-04", to: "2026-03-04" }],
      missing_day_count: 1,
    });
    expect(completeness.sources.filter(({ state }) => state === "late")).toHaveLength(1);
  });

  it("gives the amounts of February and March together over two months", async () => {
    const answer = await summary(golden, {
      start_date: "2026-02-23",
      end_date: "2026-03-04",
      services: ["Compute Engine"],
    });

    expect(answer.total_cost).toBe("109.25");
    expect(answer.ledger_versions).toEqual({ "2026-02": 6, "2026-03": 7 });
  });

  it("follows the basis in totals, order and percentages", async () => {
    const answer = await summary(golden, { ...march, basis: "billed" });

    expect(answer.total_cost).toBe("1340.504932931508");
    expect(answer.breakdown_by_provider[0]).toMatchObject({
      provider: "aws",
      total_cost: "1200.00",
      percentage: 89.52,
    });
  });
});

describe("filters", () => {
  it("takes any value of a list and all lists together", async () => {
    const answer = await summary(golden, { ...march, providers: ["GCP", "openai"], categories: ["genai"] });

    expect(answer.total_cost).toBe("19.652083");
    expect(answer.filters).toEqual({ providers: ["gcp", "openai"], categories: ["llm"] });
    expect(answer.breakdown_by_provider.map(({ provider }) => provider)).toEqual(["openai", "gcp"]);
    expect(answer.totals_by_currency.map(({ currency }) => currency)).toEqual(["USD"]);
  });

  it("judges only the sources that the filter chooses", async () => {
    const openai = await summary(golden, { ...march, providers: ["openai"] });
    const saas = await summary(golden, { ...march, categories: ["saas"] });

    expect(openai.completeness.sources.map(({ provider }) => provider)).toEqual(["openai"]);
    expect(openai).toMatchObject({ complete: true, completeness: { status: "settling" } });
    expect(openai.daily_trend.at(-1)?.state).toBe("complete");
    expect(saas.completeness.sources.map(({ provider }) => provider)).toEqual(["canva", "slack"]);
  });

  it("echoes a value that occurs nowhere", async () => {
    const answer = await summary(golden, { ...march, providers: ["opnai"], charge_categories: ["Tax"] });

    expect(answer.total_cost).toBe("0.00");
    expect(answer.unknown_filters).toEqual({ providers: ["opnai"] });
  });
});

describe("time zone of the process", () => {
  const zones = ["UTC", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"];
  const zone = process.env["TZ"];

  afterEach(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });

  it.each(zones)("answers the same in the time zone %s of the process", async (name) => {
    const expected = stable(await summary(golden, { period: "mtd" }));

    process.env["TZ"] = name;
    const uncached = { ...golden, warehouse: { ...golden.warehouse } };
    const answer = await summary(uncached, { period: "mtd" });

    expect(new Date("2026-03-05T06:00:00Z").getTimezoneOffset() === 0).toBe(name === "UTC");
    expect(answer.cache_hit).toBe(false);
    expect(stable(answer)).toEqual(expected);
  });
});
