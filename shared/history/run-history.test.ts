import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { interruptedAt, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { datasetViews } from "#shared/bootstrap/dataset-views.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { TableConfig } from "#shared/bootstrap/table-config.ts";
import { type CancelAnswer, cancelRun } from "#shared/pipelines/cancel.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import type { RunDocument, StepDocument } from "#shared/pipelines/run.ts";
import type { TransitionDocument } from "#shared/pipelines/run-history.ts";
import { rowsOf } from "#shared/platform/warehouse/frame.ts";
import { baseTable } from "#shared/platform/warehouse/view.ts";
import { broughtValues } from "./brought-rows.fixture.ts";
import { flushHistory } from "./flush.ts";

const account = "runhistory1";

// pipelines.md, shown done 20
describe("the history of runs", () => {
  let world: World;
  let documents: RecordedDocuments;
  let ports: EnginePorts;
  let config: TableConfig;
  let org: OrgIdentity;
  let days = 0;
  beforeAll(async () => {
    world = await startWorld();
    documents = recordedDocuments(world.ports.documents);
    world.ports.documents = documents;
    ports = world.ports;
    config = await loadTableConfig("bootstrap");
    ({ org } = await world.onboarded("historic", "ENTERPRISE"));
    await world.connected(org, account);
  }, 60_000);
  afterAll(() => world.stop());

  /** A day of its own for every run. */
  function nextDay(): { date: string } {
    days += 1;
    return { date: new Date(Date.parse("2026-04-01") + days * 86_400_000).toISOString().slice(0, 10) };
  }

  async function cancelledRun(): Promise<void> {
    const { run_id: runId } = await world.trigger(org, nextDay());
    await cancelRun({ org, runId, reason: "a test" }, plainEffects<CancelAnswer>(ports));
  }

  const stored = <T>(kind: RegExp): T[] =>
    pathsBelow(documents, `orgs/${org.key}/runs/`)
      .filter((path) => kind.test(path))
      .map((path) => documents.stored.get(path) as T);

  async function current(name: string, columns: readonly string[]): Promise<string[]> {
    const view = datasetViews(config)
      .flat()
      .find((each) => each.name === `${name}_current`);
    if (view === undefined) throw new Error(`no current view of ${name}`);
    const shown = await ports.warehouse.readView("organizations", view, columns);
    return rowsOf(shown, baseTable(view))
      .map((row) => columns.map((column) => String(row[column])).join(" "))
      .sort();
  }

  it("holds every transition of every run once, and shows what the documents say, with a crash at every point", async () => {
    await world.ran(org, nextDay());
    await world.sim("PUT", "faults", { provider: "openai", mode: "key-revoked-midway", account });
    expect((await world.ran(org, nextDay())).status).toBe("FAILED");
    await world.sim("DELETE", "faults");
    for (let k = 1, isReached = true; isReached; k++) {
      await cancelledRun();
      const interrupted = interruptedAt(k, "crashes after", ports);
      await untilInterrupted(flushHistory(interrupted.ports), interrupted.crashed);
      isReached = interrupted.isReached();
    }
    await flushHistory(ports);

    const runs = stored<RunDocument>(/\/runs\/[^/]+$/);
    const transitions = stored<TransitionDocument>(/\/transitions\//).map(({ transitionId }) => transitionId);
    expect(runs.reduce((sum, run) => sum + run.transitions, 0)).toBe(transitions.length);
    expect(transitions.length).toBeGreaterThan(30);
    const table = config.tables.find(({ name }) => name === "org_meta_state_transitions");
    if (table === undefined) throw new Error("no table of transitions");
    const brought = await broughtValues({ datasetId: "organizations", table }, "transition_id", ports);
    expect(brought.map(String).sort()).toEqual(transitions.sort());
    const columns = ["pipeline_logging_id", "status", "fence", "attempt", "error_code", "end_time"];
    expect((await current("org_meta_pipeline_runs", columns)).map(withoutFraction)).toEqual(
      runs
        .map((run) =>
          [run.runId, run.status, run.fence, run.claims, run.error?.code ?? null, run.endedAt].map(String).join(" "),
        )
        .map(withoutFraction)
        .sort(),
    );
    expect(await current("org_meta_step_logs", ["step_logging_id", "status"])).toEqual(
      stored<StepDocument>(/\/steps\//)
        .map(({ stepLoggingId, status }) => `${stepLoggingId} ${status}`)
        .sort(),
    );
  }, 60_000);
});

/** The stores write fractions of a second in different lengths. */
function withoutFraction(text: string): string {
  return text.replace(/\.\d+/, "");
}
