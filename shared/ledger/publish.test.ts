import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import type { HistoryMessage } from "#shared/runtime/change.ts";
import { batchDaysOf, headPath, monthStates, pipelineMonthPath, publishedMonth } from "./current-batches.ts";
import type { MonthHead, PipelineMonth } from "./ledger.ts";
import { type DayContent, dayOf, ledgerOrg, month, pipelineId, published } from "./publication.fixture.ts";
import type { JournalDocument } from "./publish.ts";
import { deltaOf } from "./totals.ts";

const clock = { now: () => new Date("2026-03-10T00:00:00Z") };

function freshDocuments(): RecordedDocuments {
  const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
  return recordedDocuments(sqliteDocuments({ file: ":memory:", clock, declared, runBodiesTwice: true }));
}

function journalOf(documents: RecordedDocuments): JournalDocument[] {
  return pathsBelow(documents, "orgs/acme/journal/").map(
    (path) => documents.stored.get(path) as unknown as JournalDocument,
  );
}

/** The rows that went to `published_batches`. */
function publishedRows(documents: RecordedDocuments): Record<string, unknown>[] {
  return pathsBelow(documents, "outbox/")
    .map((path) => documents.stored.get(path)?.["payload"] as HistoryMessage)
    .filter(({ table }) => table === "published_batches")
    .flatMap(({ rows }) => rows);
}

function head(documents: RecordedDocuments): MonthHead | undefined {
  return documents.stored.get(headPath(ledgerOrg, month)) as unknown as MonthHead | undefined;
}

function pipelineDocument(documents: RecordedDocuments): PipelineMonth {
  return documents.stored.get(pipelineMonthPath(ledgerOrg, month, pipelineId)) as unknown as PipelineMonth;
}

const cost = (amount: string): DayContent => ({ costs: [amount], usage: 1 });
const nothing: DayContent = { costs: [], usage: 0 };

inEveryTimeZone(() => {
  describe("the golden table of publication and journal (pipelines.md 8)", () => {
    const day = "2026-03-01";
    const steps = [
      {
        case: "run A, fence 4",
        run: "run_a",
        pulled: 4,
        amount: "12.34",
        stands: "12.34",
        version: 1,
        kind: "first_publish",
        delta: "12.34",
      },
      {
        case: "run B, fence 5: the same rows",
        run: "run_b",
        pulled: 5,
        amount: "12.34",
        stands: "12.34",
        version: 1,
        kind: "unchanged",
        delta: undefined,
      },
      {
        case: "run C, fence 6",
        run: "run_c",
        pulled: 6,
        amount: "12.50",
        stands: "12.50",
        version: 2,
        kind: "restatement",
        delta: "0.16",
      },
      {
        case: "A wakes late",
        run: "run_a",
        pulled: 4,
        amount: "12.34",
        stands: "12.50",
        version: 2,
        kind: "superseded",
        delta: undefined,
      },
      {
        case: "E, pulled under 8",
        run: "run_e",
        pulled: 8,
        amount: "12.60",
        stands: "12.60",
        version: 3,
        kind: "restatement",
        delta: "0.1",
      },
      {
        case: "D re-claimed under 9 with its parts of 7",
        run: "run_d",
        pulled: 7,
        amount: "12.55",
        stands: "12.60",
        version: 3,
        kind: "superseded",
        delta: undefined,
      },
      {
        case: "C again, pulled under 10",
        run: "run_c2",
        pulled: 10,
        amount: "12.50",
        stands: "12.50",
        version: 4,
        kind: "restatement",
        delta: "-0.1",
      },
      {
        case: "Y, pulled under 12, finds it unchanged",
        run: "run_y",
        pulled: 12,
        amount: "12.50",
        stands: "12.50",
        version: 4,
        kind: "unchanged",
        delta: undefined,
      },
      {
        case: "X, pulled under 11, publishes late",
        run: "run_x",
        pulled: 11,
        amount: "12.70",
        stands: "12.50",
        version: 4,
        kind: "superseded",
        delta: undefined,
      },
    ];
    const fences = [4, 5, 6, 6, 8, 8, 10, 12, 12];

    it("holds row by row", async () => {
      const documents = freshDocuments();
      let journaled = 0;
      for (const [at, step] of steps.entries()) {
        const from = { run: step.run, fence: step.pulled };

        const decision = await published([dayOf(day, cost(step.amount), from)], from, { documents, clock });

        expect(
          decision.days.map(({ outcome }) => outcome),
          step.case,
        ).toEqual([step.kind]);
        const { version, days } = await publishedMonth(ledgerOrg, month, 1, documents);
        expect([version, days[0]?.totals["USD"]?.[0]], step.case).toEqual([step.version, step.stands]);
        expect(pipelineDocument(documents).entries["cred_1~01"]?.f, step.case).toBe(fences[at]);
        if (step.delta !== undefined) journaled += 1;
        const journal = journalOf(documents);
        expect(journal, step.case).toHaveLength(journaled);
        if (step.delta === undefined) continue;
        expect(journal.at(-1), step.case).toMatchObject({
          kind: step.kind,
          runId: step.run,
          fence: step.pulled,
          ledgerVersion: step.version,
          recordedAt: "2026-03-10T00:00:00.000Z",
        });
        expect(journal.at(-1)?.days[0]?.delta, step.case).toEqual({ USD: [step.delta, step.delta] });
      }
      expect(Object.keys(pipelineDocument(documents).batches)).toHaveLength(2);
    });
  });
});

describe("a publication", () => {
  it("of an empty day stands without a batch and takes what was there away", async () => {
    const documents = freshDocuments();
    const first = { run: "run_1", fence: 1 };
    const second = { run: "run_2", fence: 2 };

    await published([dayOf("2026-03-01", cost("5"), first), dayOf("2026-03-02", cost("7"), first)], first, {
      documents,
      clock,
    });
    await published([dayOf("2026-03-01", nothing, second)], second, { documents, clock });

    const { days } = await publishedMonth(ledgerOrg, month, 1, documents);
    expect(days.map(({ day, state, rows, batches }) => [day, state, rows, Object.keys(batches).length])).toEqual([
      ["2026-03-01", "empty", 0, 0],
      ["2026-03-02", "complete", 1, 2],
    ]);
    expect(batchDaysOf(days, "cost_data_standard").flatMap((pair) => pair.days)).toEqual(["2026-03-02"]);
    expect(journalOf(documents).at(-1)?.days).toMatchObject([
      { day: "2026-03-01", newTotals: {}, delta: { USD: ["-5", "-5"] }, rowsOld: 1, rowsNew: 0, newBatches: [] },
    ]);
    expect(publishedRows(documents).at(-1)).toMatchObject({
      kind: "restatement",
      day_state: "empty",
      x_batch_id: null,
      table_name: null,
      row_count: 0,
      new_totals: {},
      old_totals: { USD: "5" },
    });
  });

  it("names the batches of a table that stays beside the new ones, with their rows", async () => {
    const documents = freshDocuments();
    const [first, second] = [
      { run: "run_1", fence: 1 },
      { run: "run_2", fence: 2 },
    ];
    const usageFailed = { ...cost("6"), lacksUsage: true };

    await published([dayOf("2026-03-01", cost("5"), first)], first, { documents, clock });
    await published([dayOf("2026-03-01", usageFailed, second)], second, { documents, clock });

    const { days } = await publishedMonth(ledgerOrg, month, 1, documents);
    const [usage] = days[0]?.batches["genai_usage_daily_raw"] ?? [];
    expect(usage).toMatch(/^run_1-/);
    expect(currentBatches(publishedRows(documents))).toContain(`cred_1 2026-03-01 genai_usage_daily_raw ${usage}`);
    expect(publishedRows(documents).find((row) => row["x_run_id"] === "run_2" && row["x_batch_id"] === usage)).toEqual(
      expect.objectContaining({ row_count: 1, table_name: "genai_usage_daily_raw" }),
    );
    expect(journalOf(documents).at(-1)?.days[0]?.newBatches).toContain(usage);
  });

  it("moves the version once, however many days and sources it changes, and leaves other pipelines' versions", async () => {
    const documents = freshDocuments();
    const from = { run: "run_1", fence: 1 };
    const days = ["2026-03-01", "2026-03-02", "2026-03-03"].flatMap((day) =>
      ["cred_1", "cred_2"].map((source) => dayOf(day, cost("1"), { ...from, source })),
    );

    const decision = await published(days, from, { documents, clock });

    expect(decision.head).toMatchObject({ ledgerVersion: 1, shards: { [pipelineId]: 1 } });
    expect(
      journalOf(documents)
        .map(({ source, ledgerVersion, days: its }) => [source, ledgerVersion, its.length])
        .sort(),
    ).toEqual([
      ["cred_1", 1, 3],
      ["cred_2", 1, 3],
    ]);
  });

  it("counts what an older epoch published as nothing", async () => {
    const documents = freshDocuments();
    const old = { run: "run_1", fence: 9 };
    const fresh = { run: "run_2", fence: 1, epoch: 2 };
    await published([dayOf("2026-03-01", cost("5"), old), dayOf("2026-03-02", cost("5"), old)], old, {
      documents,
      clock,
    });

    const before = await publishedMonth(ledgerOrg, month, 2, documents);
    const versions = await monthStates(ledgerOrg, [month], 2, documents);
    const decision = await published([dayOf("2026-03-01", cost("5"), fresh)], fresh, { documents, clock });

    expect([before.version, before.days, versions]).toEqual([0, [], { [month]: { version: 0, fxVersion: null } }]);
    expect(decision.days.map(({ outcome }) => outcome)).toEqual(["first_publish"]);
    const after = await publishedMonth(ledgerOrg, month, 2, documents);
    expect([after.version, after.days.map(({ day }) => day)]).toEqual([1, ["2026-03-01"]]);
  });

  it("keeps every amount exact", () => {
    expect(
      deltaOf({ USD: ["999999999999999.999999999999", "0.1"] }, { USD: ["-3.2", "0.3"], EUR: ["1", "1"] }),
    ).toEqual({
      EUR: ["1", "1"],
      USD: ["-1000000000000003.199999999999", "0.2"],
    });
  });
});

/** Pulls of three days under growing fences, published in any order, some several times. */
const histories = fc
  .array(fc.array(fc.option(content(), { nil: undefined }), { minLength: 3, maxLength: 3 }), {
    minLength: 1,
    maxLength: 6,
  })
  .chain((pulls) =>
    fc.record({
      pulls: fc.constant(pulls),
      order: fc
        .array(fc.nat({ max: pulls.length - 1 }), { maxLength: 6 })
        .chain((repeats) => shuffled([...pulls.keys(), ...repeats])),
    }),
  );

function content(): fc.Arbitrary<DayContent> {
  const amount = fc.constantFrom("1", "2.5", "-0.000000000001");
  return fc.record({ costs: fc.array(amount, { maxLength: 2 }), usage: fc.nat({ max: 2 }), lacksUsage: fc.boolean() });
}

function shuffled<T>(items: T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray(items, { minLength: items.length });
}

async function publishAll({
  pulls,
  order,
}: {
  pulls: (DayContent | undefined)[][];
  order: number[];
}): Promise<RecordedDocuments> {
  const documents = freshDocuments();
  for (const at of order) {
    const from = { run: `run_${at}`, fence: at + 1 };
    const days = (pulls[at] ?? []).flatMap((found, day) =>
      found === undefined ? [] : [dayOf(`2026-03-0${day + 1}`, found, from)],
    );
    if (days.length > 0) await published(days, from, { documents, clock });
  }
  return documents;
}

describe("publications in any order and number", () => {
  it("end in the content of the newest pull of each day", async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const documents = await publishAll(history);

        const { days } = await publishedMonth(ledgerOrg, month, 1, documents);
        const newest = [0, 1, 2].flatMap((day) =>
          history.pulls
            .map((pull) => pull[day])
            .filter((found) => found !== undefined)
            .slice(-1)
            .map((found) => [`2026-03-0${day + 1}`, found.costs.length, found.costs[0] ?? "0"] as const),
        );
        expect(days.map(({ day, rows, totals }) => [day, rows, totals["USD"]?.[0] ?? "0"]).sort()).toEqual(
          newest.map((entry) => [...entry]),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("journal deltas that add up to what stands, at versions that grow only with a change", async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const documents = await publishAll(history);

        const journal = journalOf(documents);
        const { days, version } = await publishedMonth(ledgerOrg, month, 1, documents);
        for (const { day, totals } of days) {
          const deltas = journal.flatMap((entry) => entry.days).filter((entry) => entry.day === day);
          expect(amountText(sumAmounts(deltas.map(({ delta }) => parseAmount(delta["USD"]?.[0] ?? "0"))))).toBe(
            totals["USD"]?.[0] ?? "0",
          );
          for (const [at, entry] of deltas.entries())
            expect(entry.oldTotals).toEqual(deltas[at - 1]?.newTotals ?? null);
        }
        expect(journal.map(({ ledgerVersion }) => ledgerVersion)).toEqual(
          Array.from({ length: version }, (_, at) => at + 1),
        );
        const used = new Set(Object.values(pipelineDocument(documents)?.entries ?? {}).flatMap(({ b }) => b));
        expect(
          Object.keys(pipelineDocument(documents)?.batches ?? {})
            .map(Number)
            .sort(),
        ).toEqual([...used].sort());
        expect(head(documents)?.ledgerVersion ?? 0).toBe(version);
      }),
      { numRuns: 60 },
    );
  });

  it("leave rows of published_batches that, in any order, say what the ledger says (tables.md, Shown done 6)", async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.infiniteStream(fc.nat()), async (history, random) => {
        const documents = await publishAll(history);
        const keyed = publishedRows(documents).map((row) => ({ row, key: random.next().value ?? 0 }));
        const rows = keyed.sort((a, b) => a.key - b.key).map(({ row }) => row);

        const { days } = await publishedMonth(ledgerOrg, month, 1, documents);

        const stated = days.flatMap(({ day, source, batches }) =>
          Object.entries(batches).flatMap(([table, ids]) => ids.map((id) => [source, day, table, id].join(" "))),
        );
        expect(currentBatches(rows).sort()).toEqual(stated.sort());
      }),
      { numRuns: 60 },
    );
  });
});

/** The view `published_batches_current` (tables.md 3): per (pipeline, source, day) the rows of the highest version. */
function currentBatches(rows: readonly Record<string, unknown>[]): string[] {
  const place = (row: Record<string, unknown>): string =>
    [row["x_pipeline_id"], row["x_source"], row["charge_date"]].join(" ");
  const rank = (row: Record<string, unknown>): number =>
    Number(row["ledger_epoch"]) * 1e9 + Number(row["ledger_version"]);
  const highest = new Map<string, number>();
  for (const row of rows) highest.set(place(row), Math.max(highest.get(place(row)) ?? 0, rank(row)));
  return rows
    .filter((row) => rank(row) === highest.get(place(row)) && row["x_batch_id"] !== null)
    .map((row) => [row["x_source"], row["charge_date"], row["table_name"], row["x_batch_id"]].join(" "));
}
