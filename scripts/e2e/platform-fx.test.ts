import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import { platformScope } from "#shared/access/platform-scope.ts";
import { parseAmount } from "#shared/money/amount.ts";
import type { FxHead } from "#shared/money/fx.ts";
import { loadRates } from "#shared/money/fx-load.ts";
import { lookUpRate } from "#shared/money/fx-look-up.ts";
import { readRates } from "#shared/money/fx-rates-read.ts";
import { fxBook } from "#shared/money/fx-store.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import type { RunRequest } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";

let world: World;

/** A Monday, after the afternoon's publication. */
const monday = "2026-07-06T16:00:00Z";

beforeEach(async () => {
  world = await startWorld({ now: monday });
});
afterEach(() => world.stop());

async function triggered(request: RunRequest = {}, address = "platform/fx_rates"): Promise<string> {
  const pipeline = (await pipelines()).byAddress(address);
  const asked = {
    ...{ org: platformScope, caller: { kind: "root", credentialId: "root" } as const, pipeline },
    ...{ query: {}, body: request, requestId: "req_test", claimedUser: undefined, traceparent: undefined },
  };
  return (await triggerRun(asked, plainEffects(world.ports), world.ports)).body.run_id;
}

async function pulled(request: RunRequest = {}, address?: string): Promise<RunDocument> {
  const runId = await triggered(request, address);
  await world.process(platformScope, runId);
  return world.run(platformScope, runId);
}

async function at(instant: string): Promise<void> {
  world.clock.set(instant);
  await world.sim("PUT", "clock", { now: instant });
}

const version = async (): Promise<number> =>
  (await world.ports.documents.get<FxHead>("fx/current")).body?.fxVersion ?? 0;
const rates = (date: string) => readRates({ date, symbols: ["USD"] }, world.ports);

describe("the rates of the European Central Bank", () => {
  it("are stored as they are published, and nothing is written when they come again", async () => {
    const first = await pulled();
    const before = await version();

    const again = await pulled();

    expect([first.status, again.status]).toEqual(["COMPLETED", "COMPLETED"]);
    expect(first.result?.publishedDays).toHaveLength(63);
    expect(first.result?.publishedDays).toContain("2026-07-06");
    expect(again.result).toMatchObject({ publishedDays: [], rows: 0 });
    expect(again.result?.unchangedDays).toEqual([
      "2026-06-29",
      "2026-06-30",
      "2026-07-01",
      "2026-07-02",
      "2026-07-03",
      "2026-07-06",
    ]);
    expect(await version()).toBe(before);
    const { truth } = (await world.sim("GET", "truth?provider=ecb&account=public&from=2026-07-06&to=2026-07-06")) as {
      truth: { days: { rates: Record<string, string> }[] };
    };
    expect(await rates("2026-07-06")).toMatchObject({
      rates: truth.days[0] && { USD: truth.days[0].rates["USD"] },
      source: "ecb-simulated",
      carried: false,
      stale: false,
    });
  });

  it("carry Friday's over a weekend and say so, in the run and in every look-up", async () => {
    const run = await pulled();

    expect(run.warnings).toContain(
      "No rates were published for 2026-07-04 to 2026-07-05: those of 2026-07-03 are carried.",
    );
    expect(await rates("2026-07-05")).toMatchObject({ rate_date: "2026-07-03", carried: true, stale: false });
    expect(await rates("2026-07-12")).toMatchObject({ rate_date: "2026-07-06", carried: true, stale: true });
  });

  it("of today come with the afternoon's run", async () => {
    await at("2026-07-06T06:30:00Z");
    const morning = await pulled();
    const before = await rates("2026-07-06");
    await at("2026-07-06T15:30:00Z");
    const afternoon = await pulled();

    expect(morning.result?.publishedDays).not.toContain("2026-07-06");
    expect(before).toMatchObject({ rate_date: "2026-07-03", carried: true });
    expect(afternoon.result?.publishedDays).toEqual(["2026-07-06"]);
    expect(await rates("2026-07-06")).toMatchObject({ rate_date: "2026-07-06", carried: false });
  });

  it("keep the first value of a day: a correction is dissent until the operator forces it, as a new version", async () => {
    await pulled();
    const stored = (await rates("2026-07-03")).rates["USD"] ?? "";
    const book = await fxBook(undefined, world.ports.documents);
    await world.sim("PUT", "adjust", {
      ...{ provider: "ecb", account: "public", day: "2026-07-03", line_item: "USD", delta: "0.05" },
    });

    const run = await pulled();
    const twice = await pulled();
    const kept = (await rates("2026-07-03")).rates["USD"];
    const claimed = parseAmount(stored).plus("0.05").toFixed();
    const content = JSON.stringify({ base: "EUR", days: { "2026-07-03": { USD: claimed } } });
    const request = { format: "json" as const, source: "ecb-simulated", content, force: true };
    await loadRates({ request }, plainEffects(world.ports), world.ports);

    expect(run.status).toBe("COMPLETED");
    expect(run.findings).toEqual([
      {
        code: "fx_dissent",
        path: "2026-07-03/USD",
        count: 1,
        first: `${stored} is kept, the file says ${claimed}`,
      },
    ]);
    expect(twice.findings).toEqual(run.findings);
    expect(kept).toBe(stored);
    expect((await rates("2026-07-03")).rates["USD"]).toBe(claimed);
    const older = await fxBook(undefined, world.ports.documents, book.version);
    const asked = { from: "EUR", to: "USD", day: "2026-07-03" };
    expect((await lookUpRate(asked, older))?.rate).toBe(stored);
    expect((await pulled()).findings).toEqual([]);
  });

  it.each([
    ["truncate", "PROVIDER_BAD_RESPONSE"],
    ["html-200", "PROVIDER_BAD_RESPONSE"],
    ["invalid-json", "PROVIDER_BAD_RESPONSE"],
    ["503", "PROVIDER_UNAVAILABLE"],
  ])("leave everything as it is when no file comes (%s)", async (mode, code) => {
    await world.sim("PUT", "faults", { provider: "ecb", mode, count: 100 });
    const runId = await triggered();
    const waiting = { now: () => world.clock.now().getTime(), sleep: async () => {} };
    await processRun({ org: platformScope.key, run_id: runId }, world.ports, { waiting });

    const run = await world.run(platformScope, runId);
    expect([run.status, run.error?.code]).toEqual(["FAILED", code]);
    expect(await version()).toBe(0);
    expect(await rates("2026-07-06")).toMatchObject({ source: "seed", stale: true });
  });

  it("are only looked at by a dry run", async () => {
    const run = await pulled({ dry_run: true, date: "2026-07-06" });

    expect(run).toMatchObject({ status: "COMPLETED", result: { publishedDays: [] } });
    expect(await version()).toBe(0);
  });

  it("are not written by a run that was cancelled before", async () => {
    const runId = await triggered();
    const stored = await world.run(platformScope, runId);
    await world.ports.documents.transaction(async (tx) => {
      await tx.get(`platformRuns/${runId}`);
      tx.set(`platformRuns/${runId}`, { ...stored, cancel: { requestedAt: monday, reason: "no" } });
    });

    await world.process(platformScope, runId);

    expect((await world.run(platformScope, runId)).status).toBe("CANCELLED");
    expect(await version()).toBe(0);
  });
});

describe("the shipped price book", () => {
  it("is released once, and its refused and disputed rows are named", async () => {
    const first = await pulled({}, "platform/price_book");
    const again = await pulled({}, "platform/price_book");

    expect(first.status).toBe("COMPLETED");
    const codes = new Set(first.findings.map(({ code }) => code));
    expect(codes).toEqual(new Set(["price_refused", "price_dissent"]));
    expect(first.findings.find(({ code }) => code === "price_refused")?.path).toBe("openai/gpt-5-nano priority");
    expect(again.result).toMatchObject({ rows: 0, publishedDays: [], unchangedDays: ["2026-07-06"] });
    const { body } = await world.ports.documents.get<{ release: number }>("priceReleases/current");
    expect(body?.release).toBe(1);
  });
});
