import { afterEach, describe, expect, it } from "vitest";
import { storeRates } from "#shared/money/fx.fixture.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { goldenCharges, pipelineOf } from "./golden-charges.fixture.ts";
import { platformFacts } from "./platform-facts.ts";
import { freshStores, goldenOrg, publish, type Stores, versionOf, withOrganization } from "./publication.fixture.ts";
import { march, stable, summary } from "./summary.fixture.ts";

const opened: Stores[] = [];

afterEach(async () => {
  for (const stores of opened.splice(0)) await stores.close();
});

async function stores(options: { now?: string; currency?: string } = {}): Promise<Stores> {
  const made = await freshStores({ now: "2026-03-05T06:00:00Z", ...options });
  opened.push(made);
  return made;
}

describe("what is counted", () => {
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

  it("converts anew when a rate of another currency comes in, and only then", async () => {
    const { counted, reads } = countingReads(await stores());
    const pipelineId = "openai-cost-daily";
    await publish(counted, {
      pipelineId,
      charges: [
        { ...charge, day: "2026-02-10" },
        { ...charge, day: "2026-03-02", currency: "EUR" },
      ],
    });
    const seeded = await summary(counted, range);

    await storeRates(counted.documents, { "2026-03-02": { USD: "1.5" } });
    const fetched = await summary(counted, range);
    const again = await summary(counted, range);

    expect([seeded.total_cost, seeded.fx[0]]).toMatchObject(["2.086956521739", { method: "seed", stale: true }]);
    expect([fetched.total_cost, fetched.fx[0]]).toMatchObject(["2.50", { method: "market", stale: false }]);
    expect([reads(), again.cache_hit]).toEqual([3, true]);
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
