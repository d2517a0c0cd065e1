import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { goldenPublications } from "./golden-charges.fixture.ts";
import { freshStores, publish, type Stores } from "./publication.fixture.ts";
import { march, stable, summary } from "./summary.fixture.ts";

/** Made once: no test here changes it. */
let golden: Stores;

beforeAll(async () => {
  golden = await freshStores({ now: "2026-03-05T06:00:00Z" });
  for (const publication of goldenPublications()) await publish(golden, publication);
});

afterAll(() => golden.close());

describe("golden vectors of costs.md section 11, amounts in US dollars", () => {
  it("gives the totals of all rows in the organization's currency", async () => {
    const answer = await summary(golden, march);

    expect(answer).toMatchObject({
      org_slug: "golden_org",
      currency: "USD",
      basis: "effective",
      total_cost: "130.787932931508",
      total_effective_cost: "130.787932931508",
      total_billed_cost: "1327.487932931508",
      total_list_cost: "1334.987932931508",
      total_contracted_cost: "1332.487932931508",
      total_savings: "4.20",
      savings_negotiated: "2.50",
      savings_commitment: "1.70",
      total_credits: "-3.70",
      total_tax: "2.31",
      total_adjustments: "-0.75",
      record_count: 19,
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
      ["anthropic", "Anthropic", "83.125165", 63.56, 3],
      ["openai", "OpenAI", "16.31875", 12.48, 5],
      ["gcp", "GCP", "14.893333", 11.39, 5],
      ["saas", "SaaS", "13.150684931508", 10.05, 4],
      ["aws", "AWS", "3.30", 2.52, 2],
    ]);
    expect(groups.at(-1)?.billed_cost).toBe("1200.00");
    expect(groups[3]?.members).toMatchObject([
      { provider: "slack", provider_name: "Slack", total_cost: "13.150684931508" },
    ]);
  });

  it("breaks down by category, all four, and by charge category", async () => {
    const answer = await summary(golden, march);

    expect(answer.breakdown_by_category.map((group) => [group.category, group.total_cost, group.billed_cost])).toEqual([
      ["llm", "102.777248", "102.777248"],
      ["cloud", "14.86", "1211.56"],
      ["saas", "13.150684931508", "13.150684931508"],
      ["other", "0.00", "0.00"],
    ]);
    expect(answer.breakdown_by_charge_category.map((group) => [group.charge_category, group.total_cost])).toEqual([
      ["Usage", "119.777248"],
      ["Purchase", "13.150684931508"],
      ["Tax", "2.31"],
      ["Adjustment", "-0.75"],
      ["Credit", "-3.70"],
    ]);
  });

  it("shows each day with what is known of it", async () => {
    const { daily_trend: trend } = await summary(golden, march);

    expect(trend).toEqual([
      {
        date: "2026-03-01",
        total_cost: "18.406586232877",
        billed_cost: "1218.406586232877",
        effective_cost: "18.406586232877",
        state: "complete",
      },
      {
        date: "2026-03-02",
        total_cost: "51.846004232877",
        billed_cost: "48.546004232877",
        effective_cost: "51.846004232877",
        state: "complete",
      },
      {
        date: "2026-03-03",
        total_cost: "10.847671232877",
        billed_cost: "10.847671232877",
        effective_cost: "10.847671232877",
        state: "complete",
      },
      {
        date: "2026-03-04",
        total_cost: "49.687671232877",
        billed_cost: "49.687671232877",
        effective_cost: "49.687671232877",
        state: "partial",
      },
    ]);
  });

  it("shows the largest services and the sum of the others", async () => {
    const answer = await summary(golden, { ...march, top: 3 });

    expect(answer.top_services.map(({ provider, service, total_cost }) => [provider, service, total_cost])).toEqual([
      ["anthropic", "Claude API", "83.125165"],
      ["openai", "OpenAI API", "16.31875"],
      ["slack", "Slack", "13.150684931508"],
    ]);
    // 31.210333 of 7 groups, less the euros: Cloud Storage 8.68 and Canva 4.337.
    expect(answer.top_services_remainder).toMatchObject({
      group_count: 5,
      total_cost: "18.193333",
      billed_cost: "1214.893333",
    });
  });

  it("never adds another currency, and says what is left out", async () => {
    const answer = await summary(golden, march);

    expect(answer.totals_by_currency).toMatchObject([
      { currency: "EUR", effective_cost: "12.00", billed_cost: "12.00", list_cost: "15.00", record_count: 5 },
      { currency: "USD", effective_cost: "130.787932931508", billed_cost: "1327.487932931508", record_count: 19 },
    ]);
    expect(answer.completeness.unconverted).toEqual([
      { currency: "EUR", billed_cost: "12.00", effective_cost: "12.00", days: 4 },
    ]);
    expect(answer.complete).toBe(false);
    expect(answer.providers).toEqual(["anthropic", "aws", "canva", "gcp", "openai", "slack"]);
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

    expect(answer.total_cost).toBe("1327.487932931508");
    expect(answer.breakdown_by_provider[0]).toMatchObject({ provider: "aws", total_cost: "1200.00", percentage: 90.4 });
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
