import { beforeEach, describe, expect, test } from "vitest";
import { rowsOf } from "../frame.ts";
import { type View, viewColumns } from "../view.ts";
import type { DayRange } from "../warehouse.ts";
import { EVERY_TYPE, NEWER_STANDARD, STANDARD } from "./contract-tables.ts";
import {
  ACTIVE_THINGS,
  currentOf,
  EVENT,
  EVENT_CURRENT,
  JOURNAL,
  journalRow,
  PUBLISHED,
  STANDARD_CURRENT,
  STATE,
  STATE_CURRENT,
  THINGS_PER_NOTE,
  thingRow,
} from "./view-tables.ts";
import { everyTypeRow, expectRefused, type Row, standardRow, type WarehouseBench } from "./warehouse-bench.ts";

export function warehouseViews(bench: WarehouseBench): void {
  async function shown(view: View, names = viewColumns(view).map(({ name }) => name), days?: DayRange): Promise<Row[]> {
    const frame = await bench.warehouse.readView(bench.datasetId, view, names, days);
    expect(frame.columns).toEqual(names);
    const rows = rowsOf(frame, { ...STATE, columns: viewColumns(view) });
    return rows.sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
  }

  describe("views", () => {
    beforeEach(async () => {
      for (const each of [STATE, EVENT, JOURNAL]) await bench.warehouse.ensureTable(bench.datasetId, each);
      for (const view of [STATE_CURRENT, EVENT_CURRENT, PUBLISHED, STANDARD_CURRENT, ACTIVE_THINGS, THINGS_PER_NOTE])
        await bench.warehouse.ensureView(bench.datasetId, view);
    });

    // tables.md 7
    test.each<[string, [number, string][], string[]]>([
      [
        "v1 CREATE, v3 UPDATE, v2 UPDATE arriving last",
        [
          [1, "CREATE"],
          [3, "UPDATE"],
          [2, "UPDATE"],
        ],
        ["v3"],
      ],
      [
        "v1 CREATE, v2 DELETE, v1 delivered again",
        [
          [1, "CREATE"],
          [2, "DELETE"],
          [1, "CREATE"],
        ],
        [],
      ],
      [
        "v9 UPDATE and v10 UPDATE",
        [
          [10, "UPDATE"],
          [9, "UPDATE"],
        ],
        ["v10"],
      ],
      [
        "v2 DELETE, v3 CREATE",
        [
          [2, "DELETE"],
          [3, "CREATE"],
        ],
        ["v3"],
      ],
    ])("show of a key the newest version: %s", async (_name, versions, expected) => {
      for (const [version, operation] of versions) await bench.written(STATE, [thingRow("a", version, operation)]);

      expect((await shown(STATE_CURRENT, ["note"])).map(({ note }) => note)).toEqual(expected);
    });

    test("show every key once, whole, and decide equal versions by time, then event", async () => {
      const whole = { price: "0.000000000001", labels: ["b", "a"], details: { a: [1, null] }, updated_at: null };
      await bench.written(STATE, [
        thingRow("a", 1, "CREATE", whole),
        thingRow("b", 2, "UPDATE", { note: "earlier", recorded_at: "2026-03-01T00:00:00.000001Z" }),
        thingRow("b", 2, "SNAPSHOT", { note: "later", recorded_at: "2026-03-01T00:00:00.000002Z" }),
        thingRow("c", 2, "UPDATE", { event_id: "evt_1", note: "one" }),
        thingRow("c", 2, "UPDATE", { event_id: "evt_2", note: "two" }),
        thingRow("a", 1, "CREATE", { org_slug: "other" }),
      ]);

      const rows = await shown(STATE_CURRENT);

      const a = rows.find((row) => row["thing_id"] === "a" && row["org_slug"] === "acme");
      expect(a).toMatchObject(whole);
      expect(rows.map(({ note, org_slug }) => `${org_slug} ${note}`).sort()).toEqual(
        ["acme later", "acme two", "acme v1", "other v1"].sort(),
      );
    });

    test("show an event once however often it came", async () => {
      const event = {
        org_slug: "acme",
        what: "x",
        version: 1,
        operation: "CREATE",
        recorded_at: "2026-03-01T00:00:00Z",
      };
      await bench.written(EVENT, [
        { ...event, event_id: "e1" },
        { ...event, event_id: "e2", what: "y" },
      ]);
      await bench.written(EVENT, [{ ...event, event_id: "e1" }]);

      expect(await shown(EVENT_CURRENT, ["event_id", "what"])).toEqual([
        { event_id: "e1", what: "x" },
        { event_id: "e2", what: "y" },
      ]);
    });

    test("select, rename and filter columns, the first that is not null", async () => {
      await bench.written(STATE, [
        thingRow("a", 1, "CREATE", { price: "1.5", labels: ["l"], updated_at: "2026-03-02T00:00:00Z" }),
        thingRow("b", 1, "CREATE", { is_active: false }),
        thingRow("c", 1, "CREATE", { org_slug: "acme_2" }),
        thingRow("d", 1, "CREATE"),
        thingRow("e", 1, "CREATE"),
        thingRow("e", 2, "DELETE"),
      ]);

      expect(await shown(ACTIVE_THINGS)).toEqual([
        { thing_id: "a", price: "1.5", labels: ["l"], changed_at: "2026-03-02T00:00:00Z" },
        { thing_id: "d", price: null, labels: [], changed_at: "2026-03-01T00:00:00Z" },
      ]);
    });

    test("count and take the least per group, nulls in a group of their own", async () => {
      await bench.written(STATE, [
        thingRow("a", 1, "CREATE", { note: "n", updated_at: "2026-03-02T00:00:00Z" }),
        thingRow("b", 1, "CREATE", { note: "n", created_at: "2026-03-01T12:00:00Z" }),
        thingRow("c", 1, "CREATE", { note: null }),
      ]);

      expect(await shown(THINGS_PER_NOTE)).toEqual([
        { note: "n", things: 2, oldest_at: "2026-03-01T12:00:00Z" },
        { note: null, things: 1, oldest_at: "2026-03-01T00:00:00Z" },
      ]);
    });

    test("of nothing have no rows, and the types of their columns", async () => {
      for (const view of [STATE_CURRENT, EVENT_CURRENT, PUBLISHED, STANDARD_CURRENT, ACTIVE_THINGS, THINGS_PER_NOTE])
        expect(await shown(view)).toEqual([]);
    });

    // tables.md 7
    test.each<[string, Row[], string[]]>([
      ["a restatement and no zombie", [journalRow(5, "b1"), journalRow(6, "b2")], ["b2"]],
      ["nothing of a day that became empty", [journalRow(6, "b2"), journalRow(7, null)], []],
      ["nothing of a withdrawn day", [journalRow(6, "b2"), journalRow(7, null, { kind: "withdrawn" })], []],
      ["nothing of an older epoch", [journalRow(9, "b1"), journalRow(1, "b2", { ledger_epoch: 2 })], ["b2"]],
      [
        "no other day of an older epoch",
        [journalRow(9, "b1", { charge_date: "2026-03-02" }), journalRow(1, "b2", { ledger_epoch: 2 })],
        ["b2"],
      ],
      ["nothing that is held", [journalRow(5, "b1"), journalRow(6, "b2", { kind: "held" })], ["b1"]],
      [
        "an adjustment beside the day it lies on",
        [journalRow(5, "b1"), journalRow(6, "adj1", { kind: "adjustment" }), journalRow(7, "b2")],
        ["adj1", "b2"],
      ],
      [
        "no adjustment that a later one replaces",
        [
          journalRow(6, "adj1", { kind: "adjustment" }),
          journalRow(7, "adj2", { kind: "adjustment", superseded_batch_ids: ["adj1"] }),
        ],
        ["adj2"],
      ],
      [
        "an adjustment again that came back",
        [
          journalRow(6, "adj1", { kind: "adjustment" }),
          journalRow(7, "adj2", { kind: "adjustment", superseded_batch_ids: ["adj1"] }),
          journalRow(8, "adj1", { kind: "adjustment", superseded_batch_ids: ["adj2"] }),
        ],
        ["adj1"],
      ],
      [
        "each source and pipeline for itself",
        [
          journalRow(1, "b1"),
          journalRow(2, "b2", { x_source: "cred_2" }),
          journalRow(3, "b3", { x_pipeline_id: "q" }),
          journalRow(4, "b4", { charge_date: "2026-03-02" }),
        ],
        ["b1", "b2", "b3", "b4"],
      ],
      [
        "all tables and batches of one publication",
        [journalRow(2, "b1"), journalRow(2, "b2"), journalRow(2, "b3", { table_name: "another" })],
        ["b1", "b2", "b3"],
      ],
    ])("show of the journal %s", async (_name, rows, expected) => {
      for (const row of [...rows].reverse()) await bench.written(JOURNAL, [row]);

      const batches = (await shown(PUBLISHED, ["x_batch_id", "ledger_version"])).map((row) => row["x_batch_id"]);

      expect([...new Set(batches)]).toEqual(expected);
    });

    test("show of data what is published, by batch and day, each row once", async () => {
      const first = await bench.written(STANDARD, [
        standardRow("2026-03-01", "1"),
        standardRow("2026-03-02", "2"),
        standardRow("2026-03-03", "4"),
      ]);
      const second = await bench.written(STANDARD, [standardRow("2026-03-02", "8"), standardRow("2026-03-03", "16")]);
      await bench.written(STANDARD, [standardRow("2026-03-01", "32")]);
      const day = (at: string, version: number, batch: string, table = STANDARD.name): Row =>
        journalRow(version, batch, { charge_date: at, table_name: table });
      await bench.written(JOURNAL, [
        day("2026-03-01", 1, first),
        day("2026-03-02", 1, first),
        day("2026-03-02", 2, second),
        day("2026-03-01", 3, first),
        day("2026-03-03", 4, first, "another_table"),
        journalRow(5, first, { kind: "adjustment" }),
      ]);

      const costs = async (days?: DayRange): Promise<unknown[]> =>
        (await shown(STANDARD_CURRENT, ["BilledCost"], days)).map(({ BilledCost }) => BilledCost);

      expect(await costs()).toEqual(["1", "8"]);
      expect(await costs({ first: "2026-03-02", last: "2026-03-03" })).toEqual(["8"]);
    });

    test("over tables that are read by day want the days", async () => {
      const view = currentOf(EVERY_TYPE, PUBLISHED);
      await bench.warehouse.ensureView(bench.datasetId, view);
      const batchId = await bench.written(EVERY_TYPE, [everyTypeRow("a")]);
      await bench.written(JOURNAL, [
        journalRow(1, batchId, { charge_date: "2026-12-31", table_name: EVERY_TYPE.name }),
      ]);

      await expectRefused(shown(view, ["provider"]));

      const days = { first: "2026-12-31", last: "2026-12-31" };
      expect(await shown(view, ["provider"], days)).toEqual([{ provider: "a" }]);
      expect(await shown(view, ["provider"], { first: "2026-12-01", last: "2026-12-30" })).toEqual([]);
    });

    test("read by day take the UTC day of an instant", async () => {
      await bench.written(STATE, [
        thingRow("a", 1, "CREATE", { created_at: "2026-02-28T23:59:59.999999Z" }),
        thingRow("b", 1, "CREATE", { created_at: "2026-03-01T00:30:00+01:00" }),
        thingRow("c", 1, "CREATE", { created_at: "2026-03-01T00:00:00Z" }),
      ]);

      const days = { first: "2026-02-28", last: "2026-02-28" };
      expect(await shown(STATE_CURRENT, ["thing_id"], days)).toEqual([{ thing_id: "a" }, { thing_id: "b" }]);
    });

    test("are made once, listed, and never altered by making them again", async () => {
      const renamed = { ...ACTIVE_THINGS, columns: ACTIVE_THINGS.columns.slice(0, 1) };

      expect(await bench.warehouse.ensureView(bench.datasetId, renamed)).toEqual({ created: false });
      expect(await bench.warehouse.ensureView(bench.datasetId, { ...renamed, name: "others" })).toEqual({
        created: true,
      });
      const description = await bench.open().describeDataset(bench.datasetId);

      expect(description?.views).toEqual(
        [STATE_CURRENT, EVENT_CURRENT, PUBLISHED, STANDARD_CURRENT, ACTIVE_THINGS, THINGS_PER_NOTE]
          .map(({ name }) => name)
          .concat("others")
          .sort(),
      );
      expect(description?.tables.map(({ name }) => name)).not.toContain("others");
      await bench.written(STATE, [thingRow("a", 1, "CREATE")]);
      expect(await shown(ACTIVE_THINGS, ["thing_id", "changed_at"])).toHaveLength(1);
    });

    test("are replaced on demand, also where there was none", async () => {
      const inactive = { ...ACTIVE_THINGS, where: [{ column: "is_active", equals: false }] };
      await bench.written(STATE, [thingRow("a", 1, "CREATE"), thingRow("b", 1, "CREATE", { is_active: false })]);

      await bench.warehouse.replaceView(bench.datasetId, inactive);
      await bench.warehouse.replaceView(bench.datasetId, { ...inactive, name: "fresh" });

      expect(await shown(inactive, ["thing_id"])).toEqual([{ thing_id: "b" }]);
      expect(await shown({ ...inactive, name: "fresh" }, ["thing_id"])).toEqual([{ thing_id: "b" }]);
    });

    test("show columns that their table gained once they are made anew", async () => {
      const newer = currentOf(NEWER_STANDARD, PUBLISHED);
      const batchId = await bench.written(STANDARD, [standardRow("2026-03-01", "1")]);
      await bench.written(JOURNAL, [journalRow(1, batchId)]);
      expect(await shown(newer, ["BilledCost", "x_credit"])).toEqual([{ BilledCost: "1", x_credit: null }]);

      await bench.warehouse.addColumns({ datasetId: bench.datasetId, table: NEWER_STANDARD }, ["x_credit", "x_groups"]);
      await bench.warehouse.replaceView(bench.datasetId, newer);
      const later = await bench.written(NEWER_STANDARD, [
        { ...standardRow("2026-03-01", "2"), x_credit: "-0.5", x_groups: ["g"] },
      ]);
      await bench.written(JOURNAL, [journalRow(2, batchId), journalRow(2, later)]);

      expect(await shown(newer, ["BilledCost", "x_credit", "x_groups"])).toEqual([
        { BilledCost: "1", x_credit: null, x_groups: [] },
        { BilledCost: "2", x_credit: "-0.5", x_groups: ["g"] },
      ]);
    });

    test("of a table that is not there, and unknown names, are refused", async () => {
      const nowhere = { ...STATE, name: "nowhere" };

      await expectRefused(bench.warehouse.ensureView(bench.datasetId, currentOf(nowhere)));
      await expectRefused(bench.warehouse.ensureView("never_made", STATE_CURRENT));
      await expectRefused(bench.warehouse.ensureView(bench.datasetId, { ...STATE_CURRENT, name: "../x" }));
      await expectRefused(shown({ ...STATE_CURRENT, name: "never_made" }));
      await expectRefused(shown(STATE_CURRENT, ["no_such"]));
      await expectRefused(shown(THINGS_PER_NOTE, ["note"], { first: "2026-03-01", last: "2026-03-02" }));
    });
  });
}
