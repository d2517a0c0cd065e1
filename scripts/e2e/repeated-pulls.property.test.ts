import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { sumTotals } from "#shared/ledger/totals.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import { addDays, daysOf } from "#shared/pipelines/range.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { openai } from "#shared/providers/openai/openai.ts";
import type { ProviderAdapter } from "#shared/providers/provider.ts";
import { chargeRow } from "./charges.fixture.ts";
import { startWorld, type World } from "./world.ts";

const firstDay = "2026-07-01";
const lastOffset = 7;

/** Billed amounts of each day at the provider, decimal text; a day without any is empty. */
type Truth = readonly (readonly string[])[];

interface Pull {
  from: number;
  days: number;
  /** Turns the order in which the provider lists its charges. */
  turn: number;
  isForced: boolean;
}

const amount = fc
  .tuple(fc.bigInt({ min: -999_999n, max: 999_999_999n }), fc.integer({ min: 0, max: 12 }))
  .map(([digits, decimals]) => {
    const sign = digits < 0n ? "-" : "";
    const text = String(digits < 0n ? -digits : digits).padStart(decimals + 1, "0");
    const cut = text.length - decimals;
    return decimals === 0 ? `${sign}${text}` : `${sign}${text.slice(0, cut)}.${text.slice(cut)}`;
  });
const truth: fc.Arbitrary<Truth> = fc.array(fc.array(amount, { maxLength: 3 }), {
  minLength: lastOffset + 1,
  maxLength: lastOffset + 1,
});
const pull: fc.Arbitrary<Pull> = fc.record({
  from: fc.integer({ min: 0, max: lastOffset }),
  days: fc.integer({ min: 1, max: lastOffset + 1 }),
  turn: fc.nat(5),
  isForced: fc.boolean(),
});

/** A provider that bills exactly the truth. */
function billing(charges: Truth, turn: number): ProviderAdapter {
  const offsetOf = (day: string): number => daysOf({ start: firstDay, end: day }).length - 1;
  const rowsOf = (day: string) => {
    const rows = (charges[offsetOf(day)] ?? []).map((billed, at) => chargeRow({ day, billed, id: `${day} ${at}` }));
    return [...rows.slice(turn % (rows.length || 1)), ...rows.slice(0, turn % (rows.length || 1))];
  };
  const stateOf = (day: string) => (rowsOf(day).length === 0 ? ("empty" as const) : ("complete" as const));
  const nothing = { rows: {}, findings: [], warnings: [] };
  const pulled = async ({ days }: { days: readonly string[] }) => ({
    ...nothing,
    days: Object.fromEntries(days.map((day) => [day, stateOf(day)])),
  });
  return {
    ...openai,
    processors: { "openai.costs": pulled, "openai.usage": pulled },
    focusRows: async ({ days }) => ({
      ...nothing,
      days,
      rows: { cost_data_standard: Object.keys(days).sort().flatMap(rowsOf) },
    }),
  };
}

describe("pulling any window any number of times in any order", () => {
  let world: World;
  let org: OrgIdentity;
  let epoch = 1;
  beforeAll(async () => {
    world = await startWorld();
    ({ org } = await world.onboarded("repeated", "ENTERPRISE"));
    await world.connected(org, "repeatedpulls");
  });
  afterAll(() => world.stop());

  async function pulled(charges: Truth, { from, days, turn, isForced }: Pull): Promise<RunDocument> {
    const start = addDays(firstDay, from);
    const end = addDays(firstDay, Math.min(lastOffset, from + days - 1));
    const { run_id } = await world.trigger(org, { start_date: start, end_date: end, force_refresh: isForced });
    await processRun({ org: org.key, run_id }, world.ports, { adapterOf: () => billing(charges, turn) });
    return world.run(org, run_id);
  }

  /** An empty ledger: what was published before belongs to an epoch that is over. */
  async function startAnew(): Promise<void> {
    epoch += 1;
    await world.ports.documents.transaction(async (tx) => {
      const { path, body } = await tx.get<OrgDocument>(`orgs/${org.key}`);
      if (body !== undefined) tx.set<OrgDocument>(path, { ...body, ledgerEpoch: epoch });
    });
    world.clock.advance(3600);
  }

  it("gives the same totals to the last decimal, and changes nothing the second time", async () => {
    await fc.assert(
      fc.asyncProperty(truth, fc.array(pull, { minLength: 1, maxLength: 4 }), async (charges, pulls) => {
        await startAnew();
        for (const one of pulls) expect((await pulled(charges, one)).error).toBeNull();
        const covered = new Set(
          pulls.flatMap(({ from, days }) =>
            Array.from({ length: days }, (_, at) => from + at).filter((offset) => offset <= lastOffset),
          ),
        );
        const before = await publishedMonth(org, "2026-07", epoch, world.ports.documents);

        const again = await pulled(charges, { ...(pulls[0] as Pull), turn: 1, isForced: false });

        const after = await publishedMonth(org, "2026-07", epoch, world.ports.documents);
        const totals = Object.fromEntries(after.days.map((day) => [day.day, day.totals]));
        const expected = [...covered].map((offset) => {
          const own = (charges[offset] ?? []).map((billed) => ({ USD: [billed, billed] as [string, string] }));
          return [addDays(firstDay, offset), sumTotals(own)];
        });
        expect(totals).toEqual(Object.fromEntries(expected));
        expect(after).toEqual(before);
        expect(again.result).toMatchObject({ batches: 0, publishedDays: [], restatedDays: [] });
      }),
      { numRuns: 30, seed: 20_260_701 },
    );
  }, 120_000);
});
