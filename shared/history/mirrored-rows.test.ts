import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { interruptedAt, interruptions, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Batch, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { broughtValues } from "./brought-rows.fixture.ts";
import { flushHistory } from "./flush.ts";

const dataset = "mirror_test";
const other = "mirror_other_test";
let tables: Map<string, TableDefinition>;
let world: World;
beforeAll(async () => {
  const configs = await Promise.all([loadTableConfig("bootstrap"), loadTableConfig("organizations")]);
  tables = new Map(configs.flatMap((config) => config.tables).map((table) => [table.name, table]));
  world = await startWorld();
  for (const id of [dataset, other]) {
    await world.ports.warehouse.ensureDataset({ id, label: "org", location: "US", description: "of a test" });
    await world.ports.warehouse.ensureTable(id, table("published_batches"));
  }
});
afterAll(() => world.stop());

function table(name: string): TableDefinition {
  const found = tables.get(name);
  if (found === undefined) throw new Error(`no table ${name}`);
  return found;
}

interface Wrong {
  row?: object;
  mirror?: object;
  /** The mirror's dataset. */
  into?: string;
}

/** A change whose row of history has a mirror; `wrong` goes into the one or the other. */
function changed(mark: string, wrong: Wrong = {}): Promise<void> {
  const at = world.clock.now().toISOString();
  const row = {
    ...{ org_api_key_id: mark, org_slug: "acme", org_api_key_hash: "00", key_name: "k", fingerprint: "abcd" },
    ...{ scopes: ["*"], is_active: true, is_primary: false, created_at: at, ...wrong.row },
  };
  const published = {
    ...{ publication_id: mark, kind: "first_publish", charge_date: "2026-07-01", month: "2026-07" },
    ...{ table_name: "cost_data_standard", x_org_slug: "acme", x_pipeline_id: "p", x_source: "cred_1" },
    ...{ x_run_id: "run_1", x_batch_id: "b1", ledger_epoch: 1, ledger_version: 1, fence: 1 },
    ...{ day_state: "complete", row_count: 1, new_totals: { USD: "1" }, published_at: at, ...wrong.mirror },
  };
  const mirror = { datasetId: wrong.into ?? dataset, table: "published_batches", row: published };
  return commitChange(
    async (change) => change.history({ table: "org_api_keys", operation: "CREATE", version: 1, row, mirror }),
    world.ports,
  );
}

function refusingMirrors(warehouse: Warehouse): Warehouse {
  const write = async (batch: Batch): Promise<void> => {
    if (batch.datasetId === dataset) throw new AppError("BATCH_REFUSED", "no mirrors");
    await warehouse.write(batch);
  };
  return { ...warehouse, write };
}

/** How often the row and its mirror are in the warehouse. */
async function brought(marks: readonly string[]): Promise<[number, number][]> {
  const rows = await broughtValues(
    { datasetId: "organizations", table: table("org_api_keys") },
    "org_api_key_id",
    world.ports,
  );
  const mirrors = await broughtValues(
    { datasetId: dataset, table: table("published_batches") },
    "publication_id",
    world.ports,
  );
  const count = (values: readonly unknown[], mark: string): number => values.filter((value) => value === mark).length;
  return marks.map((mark) => [count(rows, mark), count(mirrors, mark)]);
}

describe("a row of history with its mirror in an organization's dataset", () => {
  it.each(interruptions)("comes over once when the flush %s, at every step", { timeout: 60_000 }, async (how) => {
    const marks: string[] = [];
    for (let k = 1, isReached = true; isReached; k++) {
      marks.push(`${how} ${k}`);
      await changed(`${how} ${k}`);
      const interrupted = interruptedAt(k, how, world.ports);
      await untilInterrupted(flushHistory(interrupted.ports), interrupted.crashed);
      isReached = interrupted.isReached();

      await flushHistory(world.ports);
    }

    expect(await brought(marks)).toEqual(marks.map(() => [1, 1]));
  });

  it("comes over alone while the organization's dataset refuses the mirror, which follows once it is taken", async () => {
    await changed("refused");
    const refusing = refusingMirrors(world.ports.warehouse);

    await expect(flushHistory({ ...world.ports, warehouse: refusing })).rejects.toThrow("no mirrors");
    await expect(flushHistory({ ...world.ports, warehouse: refusing })).rejects.toThrow("no mirrors");
    const held = await brought(["refused"]);
    await flushHistory(world.ports);
    await flushHistory(world.ports);

    expect([held, await brought(["refused"])]).toEqual([[[1, 0]], [[1, 1]]]);
  });

  it("is not waited for by the mirror of a dataset that was dropped", async () => {
    await changed("dropped");
    const describeDataset = async () => undefined;

    await flushHistory({ ...world.ports, warehouse: { ...refusingMirrors(world.ports.warehouse), describeDataset } });
    await flushHistory(world.ports);

    expect(await brought(["dropped"])).toEqual([[1, 0]]);
  });

  // Last: what is refused for good stays in the outbox, and keeps back what comes later for the same table.
  it.each<[string, Wrong, [number, number]]>([
    ["the mirror", { mirror: { colour: "red" }, into: other }, [1, 0]],
    ["the row", { row: { colour: "red" } }, [0, 1]],
  ])("keeps the other apart when %s is refused, however often it is tried", async (what, wrong, expected) => {
    const mark = `held ${what}`;
    await changed(mark, wrong);

    await expect(flushHistory(world.ports)).rejects.toThrow("colour");
    await expect(flushHistory(world.ports)).rejects.toThrow("colour");

    expect(await brought([mark])).toEqual([expected]);
  });
});
