import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { advanceBackfill } from "#shared/backfills/advance.ts";
import { storedBackfill } from "#shared/backfills/backfill-store.ts";
import { createBackfill } from "#shared/backfills/new-backfill.ts";
import { backfillOrder } from "#shared/backfills/request-backfill.ts";
import { headPath, pipelineMonthPath, publishedMonth } from "#shared/ledger/current-batches.ts";
import type { MonthHead, PipelineMonth } from "#shared/ledger/ledger.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import { addDays, daysOf } from "#shared/pipelines/range.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { chargeRow } from "./charges.fixture.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "./recorded-documents.ts";
import { shapedAdapter } from "./shaped-run.fixture.ts";
import { publishedBilled, startWorld, type World } from "./world.ts";

/** The last seven days of 5 August: they lie in two months. */
const week = daysOf({ start: "2026-07-29", end: "2026-08-04" });
const untouchedDays = ["2026-07-10", "2026-07-11"];
const untouchedMonth = "2026-06";
const pipelineId = "openai-cost-usage-cost";
const months = ["2026-06", "2026-07", "2026-08"] as const;

/** What the provider bills for a day, decimal text to the last place that the platform keeps. */
const bills = new Map<string, string>();
const billOf = (day: string): string => bills.get(day) ?? `${Number(day.slice(8))}.00000000000${day.slice(9)}`;
const adapterOf = () =>
  shapedAdapter({
    chargesOf: (day) => [
      chargeRow({ day, billed: billOf(day), id: `${day} 1` }),
      chargeRow({ day, billed: "-0.000000000001", id: `${day} 2` }),
    ],
  });

let world: World;
let org: OrgIdentity;
let documents: RecordedDocuments;
let loads = 0;
beforeAll(async () => {
  world = await startWorld({ now: "2026-08-05T12:00:00Z" });
  documents = recordedDocuments(world.ports.documents);
  const { warehouse } = world.ports;
  const write: typeof warehouse.write = async (batch) => {
    loads += 1;
    await warehouse.write(batch);
  };
  world.ports.documents = documents;
  world.ports.warehouse = { ...warehouse, write };
  ({ org } = await world.onboarded("replayed", "SCALE"));
  await world.connected(org, "replayedweek");
}, 60_000);
afterAll(() => world.stop());

const process = (runId: string) => processRun({ org: org.key, run_id: runId }, world.ports, { adapterOf });

async function pulled(days: readonly string[]): Promise<RunDocument[]> {
  const runIds: string[] = [];
  for (const date of days) runIds.push((await world.trigger(org, { date })).run_id);
  await Promise.all(runIds.map(process));
  return Promise.all(runIds.map((runId) => world.run(org, runId)));
}

/** A backfill over the week, to its end. */
async function backfilled(): Promise<string> {
  const pipeline = (await pipelines()).byAddress("openai/cost/usage_cost");
  const caller = { kind: "root" as const, credentialId: "root" as const };
  const request = { start_date: week[0] ?? "", end_date: week.at(-1) ?? "" };
  const order = await backfillOrder({ org, caller, pipeline, requestId: "req_test", request }, world.ports);
  const nothing = { prepare: async () => {}, conclude: () => {} };
  const { backfillId } = (await createBackfill(order, nothing, world.ports)).backfill;
  for (;;) {
    const { body } = await storedBackfill(org, backfillId, world.ports.documents);
    const runId = body.chunks.find(({ state }) => state === "RUNNING")?.runId;
    if (!body.open || runId == null) return body.state;
    await process(runId);
    await advanceBackfill({ v: 1, org: org.key, backfill_id: backfillId }, world.ports);
  }
}

async function state() {
  const heads = await documents.getAll<MonthHead>(months.map((month) => headPath(org, month)));
  const ledgers = await documents.getAll<PipelineMonth>(
    months.map((month) => pipelineMonthPath(org, month, pipelineId)),
  );
  const hashes = ledgers.flatMap(({ body }, at) =>
    Object.entries(body?.entries ?? {}).map(([key, { h }]) => [`${months[at]}-${key.slice(-2)}`, h] as const),
  );
  return {
    versions: Object.fromEntries(months.map((month, at) => [month, heads[at]?.body?.ledgerVersion])),
    hashes: Object.fromEntries(hashes),
    journal: pathsBelow(documents, `orgs/${org.key}/journal/`).length,
  };
}

async function billed(): Promise<Record<string, string>> {
  const all = await Promise.all(months.map((month) => publishedMonth(org, month, 1, documents)));
  return Object.assign({}, ...all.map(publishedBilled));
}

/** The same order in every run of the test, another in every round. */
function shuffled(days: readonly string[], round: number): string[] {
  return days.toSorted(
    (one, other) => ((Number(one.slice(8)) * (5 + round)) % 11) - ((Number(other.slice(8)) * (5 + round)) % 11),
  );
}

// pipelines.md, shown done 7
describe("the last seven days, replayed shuffled three times beside a backfill over them", () => {
  it("say what the provider says to the last decimal, touch nothing else, and a second identical pull loads nothing", async () => {
    await pulled([...untouchedDays, "2026-06-30", ...week]);
    const first = await state();

    for (let round = 0; round < 3; round++) {
      // One day in each round is another than before.
      bills.set(addDays("2026-07-30", round), `7.${round}0000000001`);
      const [runs, backfill] = await Promise.all([pulled(shuffled(week, round)), backfilled()]);
      expect([...new Set(runs.map(({ status }) => status)), backfill]).toEqual(["COMPLETED", "COMPLETED"]);
    }

    const last = await state();
    expect(await billed()).toEqual(
      Object.fromEntries(["2026-06-30", ...untouchedDays, ...week].map((day) => [day, less(billOf(day))])),
    );
    expect(Object.keys(last.hashes)).toHaveLength(week.length + untouchedDays.length + 1);
    for (const day of [...untouchedDays, "2026-06-30", "2026-07-29", "2026-08-02"])
      expect(last.hashes[day], day).toEqual(first.hashes[day]);
    expect(last.versions[untouchedMonth]).toBe(first.versions[untouchedMonth]);
    // July was restated twice, August once; what found nothing new moved no version.
    expect([last.versions["2026-07"], last.versions["2026-08"]]).toEqual([
      (first.versions["2026-07"] ?? 0) + 2,
      (first.versions["2026-08"] ?? 0) + 1,
    ]);
    expect(last.journal).toBe(first.journal + 3);
    const before = loads;
    await pulled(shuffled(week, 3));
    expect(await backfilled()).toBe("COMPLETED");
    expect([loads - before, await state()]).toEqual([0, last]);
  }, 120_000);
});

/** Less the credit that every day has. */
function less(amount: string): string {
  const [whole = "", decimals = ""] = amount.split(".");
  const units = BigInt(whole + decimals.padEnd(12, "0")) - 1n;
  const text = units.toString().padStart(13, "0");
  return `${text.slice(0, -12)}.${text.slice(-12)}`.replace(/0+$/, "").replace(/\.$/, "");
}
