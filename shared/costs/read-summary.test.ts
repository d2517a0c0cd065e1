import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { responseProblems } from "#shared/runtime/schema.ts";
import type { CostSummaryQuery } from "./cost-query.ts";
import { goldenCharges, goldenPublications, pipelineOf } from "./golden-charges.fixture.ts";
import { type PlatformFacts, platformFacts } from "./platform-facts.ts";
import { freshStores, goldenOrg, publish, type Stores, versionOf, withOrganization } from "./publication.fixture.ts";
import { readSummary } from "./read-summary.ts";
import { CostSummary } from "./summary-schema.ts";

const config = await readConfiguration({ ENVIRONMENT: "test" });
const march = { start_date: "2026-03-01", end_date: "2026-03-04" };
const opened: Stores[] = [];

afterEach(async () => {
  for (const stores of opened.splice(0)) await stores.close();
});

async function stores(options: { now?: string; currency?: string } = {}): Promise<Stores> {
  const made = await freshStores({ now: "2026-03-05T06:00:00Z", ...options });
  opened.push(made);
  return made;
}

let goldenStores: Promise<Stores> | undefined;

/** Made once: nothing that a test does changes it. */
function golden(): Promise<Stores> {
  goldenStores ??= (async () => {
    const made = await freshStores({ now: "2026-03-05T06:00:00Z" });
    for (const publication of goldenPublications()) await publish(made, publication);
    return made;
  })();
  return goldenStores;
}

beforeAll(() => golden());
afterAll(async () => (await goldenStores)?.close());

async function goldenFacts(): Promise<PlatformFacts> {
  const names: Record<string, string> = {
    gcp: "GCP",
    openai: "OpenAI",
    anthropic: "Anthropic",
    aws: "AWS",
    slack: "Slack",
  };
  const pipelines = new Map(
    ["gcp", "openai", "anthropic", "aws", "slack", "canva"].map((provider) => [
      pipelineOf(provider),
      { provider, expectedLagDays: 1, settlingDays: 7 },
    ]),
  );
  return { ...(await platformFacts()), pipelines, providerName: (id) => names[id] ?? id };
}

async function summary(from: Stores, query: CostSummaryQuery): Promise<CostSummary> {
  const answer = await readSummary({ org: from.org, query }, { ...from, config }, await goldenFacts());
  expect(await responseProblems(CostSummary, JSON.parse(JSON.stringify(answer)))).toEqual([]);
  return answer;
}

function stable(answer: CostSummary): Omit<CostSummary, "cache_hit" | "query_time_ms" | "ledger_versions"> {
  const { cache_hit: _hit, query_time_ms: _time, ledger_versions: _versions, ...rest } = answer;
  return rest;
}

describe("golden vectors of costs.md section 11, amounts in US dollars", () => {
  it("gives the totals of all rows in the organization's currency", async () => {
    const answer = await summary(await golden(), march);

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
    const { breakdown_by_provider: groups } = await summary(await golden(), march);

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
    const answer = await summary(await golden(), march);

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
    const { daily_trend: trend } = await summary(await golden(), march);

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
    const answer = await summary(await golden(), { ...march, top: 3 });

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
    const answer = await summary(await golden(), march);

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
    const { completeness } = await summary(await golden(), march);

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
    const answer = await summary(await golden(), {
      start_date: "2026-02-23",
      end_date: "2026-03-04",
      services: ["Compute Engine"],
    });

    expect(answer.total_cost).toBe("109.25");
    expect(answer.ledger_versions).toEqual({ "2026-02": 6, "2026-03": 7 });
  });

  it("follows the basis in totals, order and percentages", async () => {
    const answer = await summary(await golden(), { ...march, basis: "billed" });

    expect(answer.total_cost).toBe("1327.487932931508");
    expect(answer.breakdown_by_provider[0]).toMatchObject({ provider: "aws", total_cost: "1200.00", percentage: 90.4 });
  });
});

describe("independence", () => {
  const zones = ["UTC", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"];
  const zone = process.env["TZ"];

  afterEach(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });

  it.each(zones)("answers the same in the time zone %s of the process", async (name) => {
    const from = await golden();
    const expected = stable(await summary(from, { period: "mtd" }));

    process.env["TZ"] = name;
    const uncached = { ...from, warehouse: { ...from.warehouse } };
    const answer = await summary(uncached, { period: "mtd" });

    expect(new Date("2026-03-05T06:00:00Z").getTimezoneOffset() === 0).toBe(name === "UTC");
    expect(answer.cache_hit).toBe(false);
    expect(stable(answer)).toEqual(expected);
  });

  it("answers the same whether days came in one batch or one by one, in any order", async () => {
    const [whole, single] = [await stores(), await stores()];
    const pipelineId = pipelineOf("openai");
    const charges = goldenCharges["openai"]?.filter(({ day }) => day >= "2026-03-01") ?? [];
    const byDay = ["2026-03-04", "2026-03-01", "2026-03-03", "2026-03-02"].map((day) =>
      charges.filter((charge) => charge.day === day).reverse(),
    );

    await publish(whole, { pipelineId, charges });
    for (const part of byDay) await publish(single, { pipelineId, charges: part });

    expect(stable(await summary(single, march))).toEqual(stable(await summary(whole, march)));
  });
});

describe("what is counted", () => {
  it("counts a restated middle day once, its neighbours staying on the old batch", async () => {
    const from = await stores();
    const charge = { provider: "openai", category: "llm", service: "OpenAI API" };
    const charges = ["2026-03-01", "2026-03-02", "2026-03-03"].map((day) => ({ ...charge, day, billed: "10.00" }));
    await publish(from, { pipelineId: "openai-cost-daily", charges });

    await publish(from, {
      pipelineId: "openai-cost-daily",
      charges: [{ ...charge, day: "2026-03-02", billed: "12.00" }],
      fence: 2,
    });

    const answer = await summary(from, march);
    expect(answer.total_cost).toBe("32.00");
    expect(answer.record_count).toBe(3);
    expect(answer.daily_trend.map(({ total_cost }) => total_cost)).toEqual(["10.00", "12.00", "10.00", "0.00"]);
  });

  it("leaves out rows that are kept for reconciliation only", async () => {
    const from = await stores();
    const charge = { day: "2026-03-01", provider: "openai", category: "llm", service: "OpenAI API" };
    await publish(from, {
      pipelineId: "openai-cost-daily",
      charges: [
        { ...charge, billed: "5.00" },
        { ...charge, billed: "7.00", counted: false },
      ],
    });

    const answer = await summary(from, march);

    expect(answer).toMatchObject({ total_cost: "5.00", record_count: 1 });
  });

  it("answers zeros and no_sources on a fresh organization", async () => {
    const from = await stores();

    const answer = await summary(from, { start_date: "2025-01-01", end_date: "2025-01-31" });

    expect(answer).toMatchObject({
      total_cost: "0.00",
      record_count: 0,
      breakdown_by_provider: [],
      top_services: [],
      top_services_remainder: null,
      totals_by_currency: [],
      ledger_versions: { "2025-01": 0 },
      complete: true,
      completeness: { status: "no_sources", published_through: null, complete_through: null, sources: [] },
    });
    expect(answer.breakdown_by_category.map(({ percentage }) => percentage)).toEqual([null, null, null, null]);
    expect(answer.daily_trend).toHaveLength(31);
  });

  it("pads to the currency's own digits", async () => {
    const from = await stores({ currency: "JPY" });
    const charge = { day: "2026-03-01", provider: "openai", category: "llm", service: "OpenAI API" };
    await publish(from, {
      pipelineId: "openai-cost-daily",
      charges: [{ ...charge, billed: "1500.00", currency: "JPY" }],
    });

    const answer = await summary(from, march);

    expect(answer).toMatchObject({ currency: "JPY", total_cost: "1500", total_tax: "0" });
  });

  it("groups and filters a service name as one however its accents are written", async () => {
    const from = await stores();
    const charge = { day: "2026-03-01", provider: "openai", category: "llm", billed: "1.00" };
    const charges = ["Caf\u00e9", "Cafe\u0301"].map((service) => ({ ...charge, service }));
    await publish(from, { pipelineId: "openai-cost-daily", charges });

    const answer = await summary(from, { ...march, services: ["Cafe\u0301"] });

    expect(answer.top_services).toMatchObject([{ service: "Caf\u00e9", total_cost: "2.00", record_count: 2 }]);
    expect(answer.unknown_filters).toEqual({});
  });

  it("says when simulated rows are among the numbers", async () => {
    const from = await stores();
    const charge = { day: "2026-03-01", provider: "openai", category: "llm", service: "OpenAI API", billed: "1.00" };
    await publish(from, { pipelineId: "openai-cost-daily", charges: [{ ...charge, simulated: true }] });

    expect((await summary(from, march)).contains_simulated).toBe(true);
  });
});

describe("filters", () => {
  it("takes any value of a list and all lists together", async () => {
    const answer = await summary(await golden(), { ...march, providers: ["GCP", "openai"], categories: ["genai"] });

    expect(answer.total_cost).toBe("19.652083");
    expect(answer.filters).toEqual({ providers: ["gcp", "openai"], categories: ["llm"] });
    expect(answer.breakdown_by_provider.map(({ provider }) => provider)).toEqual(["openai", "gcp"]);
    expect(answer.totals_by_currency.map(({ currency }) => currency)).toEqual(["USD"]);
  });

  it("judges only the sources that the filter chooses", async () => {
    const from = await golden();

    const openai = await summary(from, { ...march, providers: ["openai"] });
    const saas = await summary(from, { ...march, categories: ["saas"] });

    expect(openai.completeness.sources.map(({ provider }) => provider)).toEqual(["openai"]);
    expect(openai).toMatchObject({ complete: true, completeness: { status: "settling" } });
    expect(openai.daily_trend.at(-1)?.state).toBe("complete");
    expect(saas.completeness.sources.map(({ provider }) => provider)).toEqual(["canva", "slack"]);
  });

  it("echoes a value that occurs nowhere", async () => {
    const answer = await summary(await golden(), { ...march, providers: ["opnai"], charge_categories: ["Tax"] });

    expect(answer.total_cost).toBe("0.00");
    expect(answer.unknown_filters).toEqual({ providers: ["opnai"] });
  });
});

describe("published days", () => {
  const charge = { provider: "openai", category: "llm", service: "OpenAI API", billed: "1.00" };

  it("owes every day from the first published one, also in months without any publication", async () => {
    const from = await stores();
    await publish(from, { pipelineId: "openai-cost-daily", charges: [{ ...charge, day: "2026-01-30" }] });

    const answer = await summary(from, { start_date: "2026-01-29", end_date: "2026-03-05" });

    expect(answer.completeness.sources[0]?.missing_days).toEqual([{ from: "2026-01-31", to: "2026-03-04" }]);
    expect(answer.daily_trend.map(({ state }) => state).slice(0, 3)).toEqual(["empty", "complete", "missing"]);
    expect(answer.daily_trend.at(-1)).toMatchObject({ date: "2026-03-05", state: "partial" });
    expect(answer.completeness).toMatchObject({
      status: "partial",
      published_through: null,
      complete_through: "2026-01-30",
    });
    expect(answer.completeness.ignored_sources).toEqual([{ pipeline: "openai-cost-daily", source: "src" }]);
    expect(answer.complete).toBe(false);
  });

  it("finds a source that has no day in the range in the months before it", async () => {
    const from = await stores();
    await publish(from, { pipelineId: "openai-cost-daily", charges: [{ ...charge, day: "2025-06-30" }] });

    const answer = await summary(from, march);

    expect(answer.completeness.sources[0]).toMatchObject({ last_published_day: "2025-06-30", missing_day_count: 4 });
  });

  it("takes a day published empty as published, and one published in part as partial", async () => {
    const from = await stores();
    await publish(from, {
      pipelineId: "openai-cost-daily",
      charges: [{ ...charge, day: "2026-03-02" }],
      emptyDays: ["2026-03-01", "2026-03-03", "2026-03-04"],
      partialDays: ["2026-03-02"],
    });

    const answer = await summary(from, march);

    expect(answer.daily_trend.map(({ state }) => state)).toEqual(["empty", "partial", "empty", "empty"]);
    expect(answer).toMatchObject({
      complete: true,
      completeness: { status: "partial", complete_through: "2026-03-04" },
    });
  });

  it("is complete once every day is there and no longer settles", async () => {
    const from = await stores({ now: "2026-04-05T06:00:00Z" });
    const charges = ["2026-03-01", "2026-03-02"].map((day) => ({ ...charge, day }));
    await publish(from, { pipelineId: "openai-cost-daily", charges });

    const answer = await summary(from, { start_date: "2026-03-01", end_date: "2026-03-02" });

    expect(answer).toMatchObject({ complete: true, completeness: { status: "complete" } });
  });
});

describe("snapshot and cache", () => {
  const charge = { provider: "openai", category: "llm", service: "OpenAI API", billed: "1.00" };
  const range = { start_date: "2026-02-01", end_date: "2026-03-04" };

  function countingReads(from: Stores): { counted: Stores; reads: () => number } {
    let reads = 0;
    const read: Stores["warehouse"]["read"] = (...args) => {
      reads++;
      return from.warehouse.read(...args);
    };
    return { counted: { ...from, warehouse: { ...from.warehouse, read } }, reads: () => reads };
  }

  it("rebuilds exactly the month that changed", async () => {
    const { counted, reads } = countingReads(await stores());
    const pipelineId = "openai-cost-daily";
    await publish(counted, {
      pipelineId,
      charges: [
        { ...charge, day: "2026-02-10" },
        { ...charge, day: "2026-03-01" },
      ],
    });
    const cold = await summary(counted, range);
    const warm = await summary(counted, range);
    await publish(counted, { pipelineId, charges: [{ ...charge, day: "2026-03-02" }] });

    const changed = await summary(counted, range);

    expect([cold.cache_hit, warm.cache_hit, changed.cache_hit]).toEqual([false, true, false]);
    expect(reads()).toBe(3);
    expect(stable(warm)).toEqual(stable(cold));
    expect(changed.total_cost).toBe("3.00");
    expect(changed.ledger_versions).toEqual({ "2026-02": 1, "2026-03": await versionOf(counted, "2026-03") });
  });

  it("builds a month once for reads that come at the same time", async () => {
    const { counted, reads } = countingReads(await stores());
    await publish(counted, { pipelineId: "openai-cost-daily", charges: [{ ...charge, day: "2026-03-01" }] });

    const answers = await Promise.all(Array.from({ length: 8 }, () => summary(counted, range)));

    expect(reads()).toBe(1);
    expect(new Set(answers.map(({ total_cost }) => total_cost))).toEqual(new Set(["1.00"]));
  });

  it("answers one state as a whole while days are being published", async () => {
    const from = await stores();
    const pipelineId = "openai-cost-daily";
    const both = (billed: string) => ["2026-02-10", "2026-03-01"].map((day) => ({ ...charge, day, billed }));
    await publish(from, { pipelineId, charges: both("1.00") });

    const publishing = (async () => {
      for (let fence = 2; fence < 12; fence++) await publish(from, { pipelineId, charges: both(`${fence}.00`), fence });
    })();
    const answers = [];
    for (let at = 0; at < 20; at++) answers.push(await summary(from, range));
    await publishing;

    for (const answer of answers) {
      const days = answer.daily_trend
        .filter(({ total_cost }) => total_cost !== "0.00")
        .map(({ total_cost }) => total_cost);
      const expected = [answer.ledger_versions["2026-02"], answer.ledger_versions["2026-03"]].map(
        (version) => `${version}.00`,
      );
      expect(days).toEqual(expected);
    }
    expect((await summary(from, range)).total_cost).toBe("22.00");
  });

  it("keeps organizations apart that share stores, months and versions", async () => {
    const ours = await stores();
    const theirs = await withOrganization(ours, { slug: "Other_org", key: "other_org", orgId: "org_01OTHER" });
    const pipelineId = "openai-cost-daily";
    await publish(ours, { pipelineId, charges: [{ ...charge, day: "2026-03-01", billed: "1.00" }] });
    await publish(theirs, { pipelineId, charges: [{ ...charge, day: "2026-03-01", billed: "2.00" }] });

    const answers = [await summary(ours, range), await summary(theirs, range), await summary(ours, range)];

    expect(answers.map(({ org_slug, total_cost }) => [org_slug, total_cost])).toEqual([
      ["golden_org", "1.00"],
      ["Other_org", "2.00"],
      ["golden_org", "1.00"],
    ]);
  });

  it("builds again when the organization's cache epoch was raised", async () => {
    const from = await stores();
    await publish(from, { pipelineId: "openai-cost-daily", charges: [{ ...charge, day: "2026-03-01" }] });
    await summary(from, range);
    await from.documents.transaction(async (tx) => {
      const { body } = await tx.get<OrgDocument>("orgs/golden_org");
      if (body !== undefined) tx.set("orgs/golden_org", { ...body, cacheEpoch: 1 });
    });

    const hits = [await summary(from, range), await summary(from, range)].map(({ cache_hit }) => cache_hit);

    expect(hits).toEqual([false, true]);
  });

  it("refuses stored rows that are not what the ledger published", async () => {
    const from = await stores();
    await publish(from, { pipelineId: "openai-cost-daily", charges: [{ ...charge, day: "2026-03-01" }] });
    const { costTable } = await platformFacts();
    const [batch] = await currentBatches(from);

    await from.warehouse.remove({ datasetId: `${goldenOrg.slug}_test`, table: costTable }, [batch ?? ""]);

    const error = await summary(from, march).catch((thrown: unknown) => thrown);
    expect(isAppError(error, "WAREHOUSE_UNAVAILABLE")).toBe(true);
  });

  async function currentBatches(from: Stores): Promise<string[]> {
    const { body } = await from.documents.get<{ batches: Record<string, { id: string }> }>(
      `orgs/${from.org.key}/ledger/2026-03/pipelines/openai-cost-daily`,
    );
    return Object.values(body?.batches ?? {}).map(({ id }) => id);
  }
});
