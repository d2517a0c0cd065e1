import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { readSummary } from "#shared/costs/read-summary.ts";
import { batchDaysOf, publishedMonth } from "#shared/ledger/current-batches.ts";
import type { JournalDocument } from "#shared/ledger/publish.ts";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { applyReprice } from "#shared/pipelines/apply-reprice.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import { organizationTables } from "#shared/pipelines/parts.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { rowsOf } from "#shared/platform/warehouse/frame.ts";
import { setOverride } from "#shared/prices/price-overrides.ts";
import { openai } from "#shared/providers/openai/openai.ts";
import type { ProviderAdapter } from "#shared/providers/provider.ts";
import { previewReprice } from "#shared/reprices/preview.ts";
import type { RepriceApplied, RepricePreview, RepriceRequest } from "#shared/reprices/reprice.ts";
import { readReprice } from "#shared/reprices/reprice-store.ts";
import { Reply } from "#shared/runtime/declaration.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { closeAsItStands } from "./closed-month.fixture.ts";
import { computing } from "./computing-adapter.fixture.ts";
import { interruptedAt, untilInterrupted } from "./interrupted-ports.ts";
import { plainEffects, startWorld, type World } from "./world.ts";

const range = { start_date: "2026-07-01", end_date: "2026-07-03" };
const caller = { kind: "root" as const, credentialId: "root" as const };

describe("repricing of published usage", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  }, 60_000);
  afterAll(() => world.stop());

  const adapterOf = () => computing;

  async function published(slug: string, adapter: ProviderAdapter): Promise<OrgIdentity> {
    const { org } = await world.onboarded(slug);
    await world.connected(org, "example-one");
    await pulled(org, adapter);
    return org;
  }

  async function pulled(org: OrgIdentity, adapter: ProviderAdapter): Promise<RunDocument> {
    const { run_id: runId } = await world.trigger(org, range);
    await processRun({ org: org.key, run_id: runId }, world.ports, { adapterOf: () => adapter });
    const run = await world.run(org, runId);
    expect([run.status, run.error]).toEqual(["COMPLETED", null]);
    return run;
  }

  async function rows(org: OrgIdentity, name: string): Promise<Record<string, unknown>[]> {
    const { days } = await publishedMonth(org, "2026-07", 1, world.ports.documents);
    const table = (await organizationTables()).get(name);
    const stored = (await world.ports.documents.get<{ dataset: { id: string } }>(`orgs/${org.key}`)).body;
    if (table === undefined || stored === undefined) throw new Error(`no table ${name}`);
    const place = { datasetId: stored.dataset.id, table };
    const columns = table.columns.map((column) => column.name);
    const read = rowsOf(await world.ports.warehouse.read(place, batchDaysOf(days, name), columns), table);
    return read.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }

  const sum = (from: Record<string, unknown>[], column: string): string =>
    amountText(sumAmounts(from.flatMap((row) => (row[column] == null ? [] : parseAmount(String(row[column]))))));

  /** What the summary says of the days, now or as of an instant. */
  async function totalOf(org: OrgIdentity, asOf?: string): Promise<string> {
    const query = { ...range, currency: "USD", ...(asOf === undefined ? {} : { as_of: asOf }) };
    return amountText(parseAmount((await readSummary({ org, query }, world.ports)).total_cost));
  }

  async function dearer(org: OrgIdentity, model: string, percent: string): Promise<void> {
    const request = { discount_pct: percent, effective_from: "2026-01-01" };
    const asked = { org, caller, flow: "payg", identifier: model, provider: "openai", request };
    await setOverride(asked, plainEffects(world.ports), world.ports);
  }

  async function previewed(org: OrgIdentity, request: Partial<RepriceRequest> = {}): Promise<RepricePreview> {
    const asked = { org, caller, request: { ...range, ...request } };
    const answer = await previewReprice(asked, plainEffects<RepricePreview>(world.ports), world.ports, adapterOf);
    return answer instanceof Reply ? answer.body : answer;
  }

  async function applied(org: OrgIdentity, repriceId: string): Promise<string> {
    const asked = { org, caller, repriceId, request: { closed_months: "adjust" as const } };
    const whole = { ...asked, claimedUser: undefined, traceparent: undefined };
    return (await applyReprice(whole, plainEffects<RepriceApplied>(world.ports), world.ports)).body.run_id;
  }

  async function repricings(org: OrgIdentity): Promise<JournalDocument[]> {
    const { days } = await publishedMonth(org, "2026-07", 1, world.ports.documents);
    const { documents } = await world.ports.documents.list<JournalDocument>({
      collection: `orgs/${org.key}/journal`,
      filters: [{ field: "source", is: "==", value: days[0]?.source ?? "" }],
      orderBy: [{ field: "day", direction: "asc" }],
      limit: 500,
    });
    return documents.map(({ body }) => body).filter(({ reason }) => reason === "reprice");
  }

  async function refusal(work: Promise<unknown>): Promise<string> {
    return work.then(
      () => "none",
      (error: unknown) => (isAppError(error) ? error.code : String(error)),
    );
  }

  /** The model most is spent on. */
  async function dearest(org: OrgIdentity): Promise<string> {
    const lines = (await rows(org, "genai_computed_daily")).filter((row) => row["contracted_cost"] !== null);
    const models = [...new Set(lines.map((row) => String(row["model"])))];
    const costOf = (model: string) =>
      parseAmount(
        sum(
          lines.filter((row) => row["model"] === model),
          "contracted_cost",
        ),
      );
    return models.sort((a, b) => costOf(b).comparedTo(costOf(a)))[0] ?? "";
  }

  it("gives exactly the total of the preview, journalled, and only when it is applied", async () => {
    const org = await published("computed", computing);
    const model = await dearest(org);
    const before = sum(await rows(org, "cost_data_standard"), "EffectiveCost");
    const usage = await rows(org, "genai_usage_daily_raw");
    await dearer(org, model, "50");
    await pulled(org, computing);
    const untouched = sum(await rows(org, "cost_data_standard"), "EffectiveCost");

    const preview = await previewed(org);
    const asOfPreview = world.clock.now().toISOString();
    world.clock.advance(1);
    const runId = await applied(org, preview.preview_id);
    await processRun({ org: org.key, run_id: runId }, world.ports, { adapterOf });

    const run = await world.run(org, runId);
    expect(await totalOf(org)).toBe(preview.new_total);
    expect(await totalOf(org, asOfPreview)).toBe(preview.old_total);
    const after = sum(await rows(org, "cost_data_standard"), "EffectiveCost");
    expect([run.status, run.error, run.triggerType]).toEqual(["COMPLETED", null, "reprice"]);
    expect([untouched, preview.old_total]).toEqual([before, before]);
    expect(after).toBe(preview.new_total);
    expect(after).not.toBe(before);
    expect(amountText(parseAmount(preview.new_total ?? "").minus(before))).toBe(preview.difference);
    for (const list of [preview.by_day, preview.by_model]) expect(sum(list, "new_cost")).toBe(preview.new_total);
    expect(run.result?.totals).toEqual({ USD: [after, after] });
    expect(run.result?.restatedDays).toEqual(["2026-07-01", "2026-07-02", "2026-07-03"]);
    expect(await rows(org, "genai_usage_daily_raw")).toEqual(usage);
    const [restated] = await repricings(org);
    expect(restated).toMatchObject({ kind: "restatement", runId, pipelineId: "openai-cost-usage-cost" });
    expect(restated?.days[0]).toMatchObject({ oldPriceVersion: "p1.o0", newPriceVersion: "p1.o1" });
    expect(await readReprice({ org, repriceId: preview.preview_id }, world.ports)).toMatchObject({
      state: "APPLIED",
      run_id: runId,
      new_total: after,
    });

    const again = await pulled(org, computing);
    expect(again.result?.unchangedDays).toEqual(["2026-07-01", "2026-07-02", "2026-07-03"]);
    expect(sum(await rows(org, "cost_data_standard"), "EffectiveCost")).toBe(after);
  }, 120_000);

  it("leaves what the provider reports byte for byte and moves only what is computed beside it", async () => {
    const org = await published("reported", openai);
    await dearer(org, await dearest(org), "50");
    const [costs, computed] = [await rows(org, "cost_data_standard"), await rows(org, "genai_computed_daily")];
    const asked = { org, caller, request: range };

    const preview = await previewReprice(asked, plainEffects<RepricePreview>(world.ports), world.ports);
    const body = preview instanceof Reply ? preview.body : preview;
    const runId = await applied(org, body.preview_id);
    await world.process(org, runId);

    expect([body.old_total, body.new_total, body.difference]).toEqual(["0", "0", "0"]);
    const [beside] = body.untouched_provider_reported;
    expect(beside?.old_total).toBe(sum(computed, "contracted_cost"));
    expect(await rows(org, "cost_data_standard")).toEqual(costs);
    expect(sum(await rows(org, "genai_computed_daily"), "contracted_cost")).toBe(beside?.new_total);
    expect(beside?.new_total).not.toBe(beside?.old_total);
  }, 120_000);

  it("is applied once, by one run, however often and at once it is asked for, and after a crash between its steps", async () => {
    const org = await published("once", computing);
    await dearer(org, await dearest(org), "10");
    const preview = await previewed(org);

    const runs = await Promise.all([1, 2, 3].map(() => applied(org, preview.preview_id)));
    const [runId = ""] = runs;
    const dying = {
      ...world.ports,
      documents: {
        ...world.ports.documents,
        getAll: (async (paths: string[]) => {
          if (paths.some((path) => path.includes("/parts/"))) throw new Error("the process ends");
          return world.ports.documents.getAll(paths);
        }) as typeof world.ports.documents.getAll,
      },
    };
    await expect(processRun({ org: org.key, run_id: runId }, dying, { adapterOf })).rejects.toThrow("the process ends");
    for (let times = 0; times < 2; times += 1)
      await processRun({ org: org.key, run_id: runId }, world.ports, { adapterOf });

    expect(new Set(runs).size).toBe(1);
    expect(await applied(org, preview.preview_id)).toBe(runId);
    expect((await world.run(org, runId)).status).toBe("COMPLETED");
    expect(sum(await rows(org, "cost_data_standard"), "EffectiveCost")).toBe(preview.new_total);
    const days = (await repricings(org)).flatMap((entry) => entry.days.map(({ day }) => day));
    expect(days.sort()).toEqual(["2026-07-01", "2026-07-02", "2026-07-03"]);
  }, 120_000);

  it("ends with the preview's total and one restatement of each day, after whichever of its steps its process dies", async () => {
    const org = await published("killed", computing);
    const model = await dearest(org);
    const usage = await rows(org, "genai_usage_daily_raw");
    let steps = 0;

    for (let k = 1, isReached = true; isReached; k++) {
      await dearer(org, model, String(k));
      const preview = await previewed(org);
      const runId = await applied(org, preview.preview_id);
      const killed = interruptedAt(k, "crashes after", world.ports);
      const work = processRun({ org: org.key, run_id: runId }, killed.ports, { adapterOf });
      await untilInterrupted(work, killed.crashed);
      isReached = killed.isReached();
      // Past the lease that the dead process holds.
      world.clock.advance(200);
      for (let times = 0; times < 2; times += 1)
        await processRun({ org: org.key, run_id: runId }, world.ports, { adapterOf });

      const own = (await repricings(org)).filter((entry) => entry.runId === runId);
      expect((await world.run(org, runId)).status, `step ${k}`).toBe("COMPLETED");
      expect(sum(await rows(org, "cost_data_standard"), "EffectiveCost"), `step ${k}`).toBe(preview.new_total);
      expect(preview.new_total).not.toBe(preview.old_total);
      expect(own.flatMap((entry) => entry.days.map(({ day }) => day)).sort(), `step ${k}`).toEqual([
        "2026-07-01",
        "2026-07-02",
        "2026-07-03",
      ]);
      steps = k;
    }

    expect(steps).toBeGreaterThan(4);
    expect(await rows(org, "genai_usage_daily_raw")).toEqual(usage);
  }, 300_000);

  it("goes on from what is held of a closed month, as often as it is applied", async () => {
    const org = await published("closedprices", computing);
    const model = await dearest(org);
    const before = sum(await rows(org, "cost_data_standard"), "EffectiveCost");
    await closeAsItStands(world, org, "2026-07");

    for (const percent of ["10", "50"]) {
      await dearer(org, model, percent);
      const preview = await previewed(org);
      const runId = await applied(org, preview.preview_id);
      await processRun({ org: org.key, run_id: runId }, world.ports, { adapterOf });

      const { status, result, warnings } = await world.run(org, runId);
      expect([status, result?.supersededDays, warnings]).toEqual(["COMPLETED", [], []]);
      expect(result?.heldDays).toEqual(["2026-07-01", "2026-07-02", "2026-07-03"]);
      const { adjustments = [] } = await publishedMonth(org, "2026-08", 1, world.ports.documents);
      const booked = sumAmounts(adjustments.map(({ totals }) => parseAmount(totals["USD"]?.[1] ?? "0")));
      expect(amountText(parseAmount(before).plus(booked))).toBe(preview.new_total);
    }

    expect(sum(await rows(org, "cost_data_standard"), "EffectiveCost")).toBe(before);
  }, 120_000);

  it("refuses a preview that is stale, expired, only a scenario, or another organization's", async () => {
    const org = await published("refused", computing);
    const model = await dearest(org);
    const scenario = await previewed(org, { model_map: { [model]: "gpt-4o-mini" } });
    const dated = await previewed(org, { price_date: "2026-08-05" });
    const byBook = await previewed(org);
    await dearer(org, model, "20");
    const byLedger = await previewed(org);
    const { org: other } = await world.onboarded("other");

    const [first, second, third] = await Promise.all(
      [scenario, dated, byBook].map((preview) => refusal(applied(org, preview.preview_id))),
    );
    const foreign = await refusal(applied(other, byLedger.preview_id));
    const runId = await applied(org, byLedger.preview_id);
    const next = await previewed(org, { models: ["gpt-99"] });
    await processRun({ org: org.key, run_id: runId }, world.ports, { adapterOf });
    const moved = await refusal(applied(org, next.preview_id));
    const last = await previewed(org);
    world.clock.advance(86_400);
    const late = await refusal(applied(org, last.preview_id));

    expect([first, second, third]).toEqual(["PREVIEW_IS_SCENARIO", "PREVIEW_IS_SCENARIO", "PREVIEW_STALE"]);
    expect(foreign).toBe("PREVIEW_NOT_FOUND");
    expect(scenario.difference).not.toBe("0");
    expect([moved, late]).toEqual(["PREVIEW_STALE", "PREVIEW_EXPIRED"]);
    expect([next.rows, next.by_day]).toEqual([[], []]);
  }, 120_000);
});
