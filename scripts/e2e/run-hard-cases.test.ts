import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import type { JournalDocument } from "#shared/ledger/publish.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import { cancelRun } from "#shared/pipelines/cancel.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { sweepRuns } from "#shared/pipelines/sweeper.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { plainEffects, publishedBilled, startWorld, type World } from "./world.ts";

const threeDays = { start_date: "2026-07-01", end_date: "2026-07-03" };

describe("runs under hard conditions", () => {
  let world: World;
  let count = 0;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.stop());

  async function freshOrg(): Promise<{ org: OrgIdentity; account: string }> {
    count += 1;
    const { org } = await world.onboarded(`hard${count}`);
    const account = `hardcase${count}`;
    await world.connected(org, account);
    return { org, account };
  }
  const month = (org: OrgIdentity) => publishedMonth(org, "2026-07", 1, world.ports.documents);
  const quota = async (org: OrgIdentity) => (await world.ports.documents.get<QuotaDocument>(quotaPath(org))).body;
  const journal = async (org: OrgIdentity, version: number) => {
    const entries = await world.ports.documents.list<JournalDocument>({
      collection: `orgs/${org.key}/journal`,
      filters: [{ field: "source", is: "==", value: (await month(org)).days[0]?.source ?? "" }],
      orderBy: [{ field: "day", direction: "asc" }],
      limit: 50,
    });
    return entries.documents.map(({ body }) => body).find((entry) => entry.ledgerVersion === version);
  };

  it("records a restatement when a day is pulled again with a changed cost, and leaves the other days untouched", async () => {
    const { org, account } = await freshOrg();
    await world.ran(org, threeDays);
    const before = await month(org);
    await world.sim("PUT", "adjust", {
      provider: "openai",
      account,
      day: "2026-07-02",
      line_item: "code interpreter sessions",
      delta: "-1.25",
    });

    const run = await world.ran(org, threeDays);

    const after = await month(org);
    const [old, now] = [publishedBilled(before)["2026-07-02"] ?? "", publishedBilled(after)["2026-07-02"] ?? ""];
    expect(amountText(parseAmount(now).minus(parseAmount(old)))).toBe("-1.25");
    expect(run.result).toMatchObject({
      restatedDays: ["2026-07-02"],
      unchangedDays: ["2026-07-01", "2026-07-03"],
      publishedDays: [],
    });
    expect(after.version).toBe(before.version + 1);
    const entry = await journal(org, after.version);
    expect(entry).toMatchObject({
      kind: "restatement",
      days: [{ day: "2026-07-02", delta: { USD: ["-1.25", "-1.25"] } }],
    });
    const untouched = ({ days }: typeof before) =>
      days
        .filter(({ day }) => day !== "2026-07-02")
        .map(({ day, batches, publishedAt }) => ({ day, batches, publishedAt }));
    expect(untouched(after)).toEqual(untouched(before));
  });

  it("publishes the same content when a message arrives five times at once and again an hour later", async () => {
    const { org, account } = await freshOrg();
    const { run_id } = await world.trigger(org, threeDays);

    await Promise.all(Array.from({ length: 5 }, () => world.process(org, run_id)));
    const once = await month(org);
    world.clock.advance(3600);
    await world.process(org, run_id);

    expect(await month(org)).toEqual(once);
    expect(publishedBilled(once)).toEqual(await world.truth(account, "2026-07-01", "2026-07-03"));
    expect(await world.run(org, run_id)).toMatchObject({ status: "COMPLETED", claims: 1 });
    expect(await quota(org)).toMatchObject({ dayRuns: 1, daySucceeded: 1, running: {} });
  });

  it("keeps newer data when a frozen processor wakes after its successor has published", async () => {
    const { org, account } = await freshOrg();
    const frozen = frozenBefore(world.ports, "publication");
    const { run_id } = await world.trigger(org, threeDays);
    const zombie = world.process(org, run_id, frozen.ports);
    await frozen.reached;
    await world.sim("PUT", "adjust", {
      provider: "openai",
      account,
      day: "2026-07-03",
      line_item: "code interpreter sessions",
      delta: "7",
    });
    world.clock.advance(600);
    await world.ran(org, { start_date: "2026-07-01", end_date: "2026-07-04" });
    const newer = await month(org);

    frozen.release();
    await zombie;
    await sweepRuns(world.ports);
    await world.process(org, run_id);

    expect(await month(org)).toEqual(newer);
    expect(publishedBilled(newer)).toEqual(await world.truth(account, "2026-07-01", "2026-07-04"));
    const run = await world.run(org, run_id);
    expect(run.status).toBe("COMPLETED");
    expect(run.result?.supersededDays).toContain("2026-07-03");
  });

  it("publishes nothing once a cancel is accepted, and gives the quota back", async () => {
    const { org } = await freshOrg();
    const frozen = frozenBefore(world.ports, "publication");
    const { run_id } = await world.trigger(org, threeDays);
    const working = world.process(org, run_id, frozen.ports);
    await frozen.reached;

    const answer = await cancelRun({ org, runId: run_id, reason: "a test" }, plainEffects(world.ports));
    frozen.release();
    await working;

    expect(answer).toMatchObject({ previous_status: "RUNNING", status: "CANCELLING" });
    expect((await world.run(org, run_id)).status).toBe("CANCELLED");
    expect((await month(org)).days).toEqual([]);
    expect(await quota(org)).toMatchObject({ dayRuns: 0, running: {} });
  });

  it.each([
    ["401", { mode: "key-revoked-midway" }, "PROVIDER_UNAUTHORIZED"],
    ["cut bodies", { mode: "truncate", count: 50 }, "PROVIDER_BAD_RESPONSE"],
    ["HTML", { mode: "html-200", count: 50 }, "PROVIDER_BAD_RESPONSE"],
    ["repeated pages", { mode: "page-loop", path_prefix: "/v1/organization/costs" }, "PROVIDER_PAGE_LOOP"],
    [
      "a missing field",
      { mode: "missing-field", path_prefix: "/v1/organization/costs", count: 50 },
      "PROVIDER_SCHEMA_DRIFT",
    ],
    ["500", { mode: "500", count: 100 }, "PROVIDER_UNAVAILABLE"],
  ])("publishes nothing half and says honestly why when the provider answers with %s", async (_name, fault, code) => {
    const { org, account } = await freshOrg();
    await world.sim("PUT", "faults", { provider: "openai", account, path_prefix: "/v1/organization/", ...fault });

    const { run_id } = await world.trigger(org, threeDays);
    await processImpatiently(world, org, run_id);

    await world.sim("DELETE", "faults");
    const run = await world.run(org, run_id);
    expect(run.error).toMatchObject({ code });
    expect(run.status).toBe("FAILED");
    expect((await month(org)).days).toEqual([]);
    expect(await quota(org)).toMatchObject({ dayRuns: 0, dayFailed: 1, running: {} });
    expect(JSON.stringify(run)).not.toContain("sk-admin");
  });
});

/** Ports whose documents stop at the first transaction that touches the ledger, until released. */
function frozenBefore(
  ports: EnginePorts,
  _point: "publication",
): { ports: EnginePorts; reached: Promise<void>; release(): void } {
  let reach: () => void = () => {};
  let release: () => void = () => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let isFrozen = false;
  const documents: EnginePorts["documents"] = {
    ...ports.documents,
    getAll: async (paths) => {
      // The engine reads its parts just before it publishes them.
      if (!isFrozen && paths.length > 0 && paths.every((path) => path.includes("/parts/"))) {
        isFrozen = true;
        reach();
        await released;
      }
      return ports.documents.getAll(paths);
    },
  };
  return { ports: { ...ports, documents }, reached, release: () => release() };
}

/** Works on the run until it has ended, moving the clock instead of waiting for parked steps. */
async function processImpatiently(world: World, org: OrgIdentity, runId: string): Promise<void> {
  const { processRun } = await import("#shared/pipelines/engine.ts");
  const waiting = {
    now: () => world.clock.now().getTime(),
    sleep: async (ms: number) => world.clock.advance(ms / 1000),
  };
  for (let turn = 0; turn < 20; turn++) {
    await processRun({ org: org.key, run_id: runId }, world.ports, { waiting });
    const run = await world.run(org, runId);
    if (run.status !== "PENDING" && run.status !== "RUNNING") return;
    world.clock.advance(120);
  }
}
