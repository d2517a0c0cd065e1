import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import type { Pipeline, Step } from "#shared/pipelines/pipeline.ts";
import { daysOf } from "#shared/pipelines/range.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import { isTerminal } from "#shared/pipelines/run.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import { openai } from "#shared/providers/openai/openai.ts";
import type { DayState, ProviderAdapter, PullContext, Pulled, Row } from "#shared/providers/provider.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { chargeRow } from "./charges.fixture.ts";
import { plainEffects, publishedBilled, startWorld, type World } from "./world.ts";

const month = { start: "2026-07-01", end: "2026-07-31" };
const pagesOfDay = 65;
const pageMilliseconds = 1200;

/** What the page of a day bills, decimal text: no two alike. */
function amountOf(day: string, page: number): string {
  return `${Number(day.slice(8))}.${String(page).padStart(4, "0")}`;
}

describe("a pull of 40 minutes", () => {
  let world: World;
  let org: OrgIdentity;
  /** Pages in the order they were asked for. */
  const asked: string[] = [];
  beforeAll(async () => {
    world = await startWorld();
    ({ org } = await world.onboarded("longpull"));
    await world.connected(org, "longpull1");
  });
  afterEach(() => vi.useRealTimers());
  afterAll(() => world.stop());

  /** Time passes only here: for the lease and the deadlines of the engine as for the store. */
  async function page(day: string, number: number): Promise<string> {
    asked.push(`${day} ${number}`);
    vi.advanceTimersByTime(pageMilliseconds);
    world.clock.advance(pageMilliseconds / 1000);
    // Lets the renewal of the lease come to its end.
    await new Promise((resolve) => setImmediate(resolve));
    return amountOf(day, number);
  }

  async function costs({ days, checkpoint, isTimeUp }: PullContext): Promise<Pulled> {
    const rows: Row[] = [];
    const states: Record<string, DayState> = {};
    const all = [...days].sort();
    let at = Number(checkpoint ?? 0);
    do {
      const day = all[at] ?? "";
      for (let number = 0; number < pagesOfDay; number++) {
        rows.push(chargeRow({ day, billed: await page(day, number), id: `${day} ${number}` }));
      }
      states[day] = "complete";
      at += 1;
    } while (at < all.length && isTimeUp?.() !== true);
    const pulled = { rows: { cost_data_standard: rows }, days: states, findings: [], warnings: [] };
    return at < all.length ? { ...pulled, next: at } : pulled;
  }

  const adapter: ProviderAdapter = { ...openai, processors: { "openai.costs": costs }, focusRows: undefined };

  /** The shipped pipeline with its first step alone, and time enough for it. */
  async function pipeline(): Promise<Pipeline> {
    const shipped = (await pipelines()).byAddress("openai/cost/usage_cost");
    const step = { ...(shipped.config.steps[0] as Step), timeout_seconds: 3600 };
    return { ...shipped, config: { ...shipped.config, timeout_seconds: 7200, expectations: [], steps: [step] } };
  }

  it("ends COMPLETED over five continuations and more, with every row of 2,015 pages and one unit", async () => {
    const caller = { kind: "root" as const, credentialId: "root" as const };
    const request = { start_date: month.start, end_date: month.end };
    const call = { org, caller, pipeline: await pipeline(), body: request, query: {}, requestId: "req_test" };
    const effects = plainEffects<RunAnswer>(world.ports);
    const trigger = { ...call, claimedUser: undefined, traceparent: undefined };
    const { run_id } = (await triggerRun(trigger, effects, world.ports)).body;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
    const calls: number[] = [];
    let run = await world.run(org, run_id);
    while (!isTerminal(run.status) && calls.length < 20) {
      const began = performance.now();
      await processRun({ org: org.key, run_id, seq: run.continuations }, world.ports, { adapterOf: () => adapter });
      calls.push((performance.now() - began) / 1000);
      run = await world.run(org, run_id);
    }

    expect([run.status, run.error]).toEqual(["COMPLETED", null]);
    expect(run.continuations).toBeGreaterThanOrEqual(5);
    expect(Math.max(...calls)).toBeLessThan(540);
    expect(calls.reduce((sum, seconds) => sum + seconds, 0)).toBeGreaterThan(2400);
    expect(asked).toEqual([...new Set(asked)]);
    expect(asked).toHaveLength(31 * pagesOfDay);
    const truth = daysOf(month).map((day) => [
      day,
      amountText(sumAmounts(Array.from({ length: pagesOfDay }, (_, number) => parseAmount(amountOf(day, number))))),
    ]);
    const published = await publishedMonth(org, "2026-07", 1, world.ports.documents);
    expect(publishedBilled(published)).toEqual(Object.fromEntries(truth));
    expect(published.days.reduce((sum, { rows }) => sum + rows, 0)).toBe(31 * pagesOfDay);
    const quota = (await world.ports.documents.get<QuotaDocument>(quotaPath(org))).body;
    expect(quota).toMatchObject({ dayRuns: 1, monthRuns: 1, daySucceeded: 1, running: {} });
    expect(run.unit.state).toBe("used");
  }, 120_000);
});
