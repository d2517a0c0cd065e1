import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { isStillOurs, renewLease } from "#shared/pipelines/claim.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import type { Row } from "#shared/providers/provider.ts";
import { chargeRow } from "./charges.fixture.ts";
import { recordedDocuments } from "./recorded-documents.ts";
import { shapedRun, workedOn } from "./shaped-run.fixture.ts";
import { publishedBilled, startWorld, type World } from "./world.ts";

const days = { start_date: "2026-07-01", end_date: "2026-07-02" };
/** Longer than a lease and its grace. */
const leaseIsDead = 240;
/** More transactions than one worker has. */
const most = 60;

let world: World;
let stored: ReadonlyMap<string, unknown>;
let count = 0;
beforeAll(async () => {
  world = await startWorld();
  const recorded = recordedDocuments(world.ports.documents);
  world.ports.documents = recorded;
  stored = recorded.stored;
}, 60_000);
afterAll(() => world.stop());

async function freshOrg(): Promise<OrgIdentity> {
  count += 1;
  const { org } = await world.onboarded(`frozen${count}`);
  await world.connected(org, `frozencase${count}`);
  return org;
}

/** What a provider bills: the same for every day, told apart by who pulled it. */
const billing = (billed: string) => ({ chargesOf: (day: string): Row[] => [chargeRow({ day, billed, id: day })] });
const billed = async (org: OrgIdentity) =>
  publishedBilled(await publishedMonth(org, "2026-07", 1, world.ports.documents));
const both = (amount: string) => ({ "2026-07-01": amount, "2026-07-02": amount });

interface Held {
  ports: EnginePorts;
  /** Resolves at the transaction that is held back. */
  reached: Promise<"held">;
  release(): void;
}

/** Ports of a worker that stands still until it is released: before its k-th transaction (from 1), or before it publishes. */
function heldBefore(point: number | "publication"): Held {
  let reach = (_: "held"): void => {};
  let release = (): void => {};
  const reached = new Promise<"held">((resolve) => {
    reach = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const held = (): Promise<void> => {
    reach("held");
    return released;
  };
  let transactions = 0;
  const { documents } = world.ports;
  const transaction: typeof documents.transaction = async (body) => {
    transactions += 1;
    if (typeof point === "number" && transactions >= point) await held();
    return documents.transaction(body);
  };
  const getAll: typeof documents.getAll = async (paths) => {
    // The parts are read just before they are published.
    const isParts = paths.length > 0 && paths.every((path) => path.includes("/parts/"));
    if (point === "publication" && isParts) await held();
    return documents.getAll(paths);
  };
  const ports = { ...world.ports, documents: { ...documents, transaction, getAll } };
  return { ports, reached, release: () => release() };
}

/** All documents, without the messages that are on their way. */
function everything(): Record<string, unknown> {
  const kept = [...stored].filter(([path]) => !path.startsWith("outbox/"));
  return structuredClone(Object.fromEntries(kept));
}

// pipelines.md 16: frozen past the lease, then awake
describe("a worker that freezes past its lease and wakes", () => {
  it("changes nothing of a run that another has taken, before whichever of its transactions it froze", async () => {
    let frozen = 0;
    for (let k = 1; k <= most; k++) {
      const org = await freshOrg();
      const place = { org, runId: await shapedRun(world, org, days) };
      const sleeper = heldBefore(k);
      const slept = workedOn(world, place, billing("1.5"), sleeper.ports);
      if ((await Promise.race([sleeper.reached, slept])) !== "held") break;
      frozen = k;
      const claimed = await world.run(org, place.runId);
      world.clock.advance(leaseIsDead);
      const successor = heldBefore(2);
      const worked = workedOn(world, place, billing("2.5"), successor.ports);
      await Promise.race([successor.reached, worked]);
      const before = everything();

      const isRenewed = await renewLease(claimed, world.ports);
      sleeper.release();
      await slept;

      expect([isRenewed, everything()], `frozen before transaction ${k}`).toEqual([false, before]);
      successor.release();
      expect(await worked).toMatchObject({ status: "COMPLETED" });
      // What the first had pulled whole is not pulled again.
      expect([both("1.5"), both("2.5")]).toContainEqual(await billed(org));
    }

    expect(frozen).toBeGreaterThan(8);
    expect(frozen).toBeLessThan(most);
  }, 120_000);

  it("publishes no day that a younger run has pulled since, although its own run is still its", async () => {
    const org = await freshOrg();
    const place = { org, runId: await shapedRun(world, org, days) };
    const { sleeper, slept } = await frozenAtPublication(place);
    await youngerRun(org);

    sleeper.release();
    const run = await slept;

    expect(await billed(org)).toEqual({ ...both("2.5"), "2026-07-03": "2.5" });
    expect([run.status, run.result?.supersededDays]).toEqual(["COMPLETED", ["2026-07-01", "2026-07-02"]]);
  });

  it("publishes no such day either when another claims its run, under a fence that is younger than all", async () => {
    const org = await freshOrg();
    const place = { org, runId: await shapedRun(world, org, days) };
    await frozenAtPublication(place);
    await youngerRun(org);
    world.clock.advance(leaseIsDead);

    const run = await workedOn(world, place, billing("9.5"));

    expect(run.fence).toBe(3);
    expect(await billed(org)).toEqual({ ...both("2.5"), "2026-07-03": "2.5" });
    expect([run.status, run.result?.supersededDays]).toEqual(["COMPLETED", ["2026-07-01", "2026-07-02"]]);
  });

  it("has lost its run by each of these alone: another fence, another holder, a cancel, an end", async () => {
    const org = await freshOrg();
    const place = { org, runId: await shapedRun(world, org, days) };
    await frozenAtPublication(place);
    const mine = await world.run(org, place.runId);
    const lost: Partial<RunDocument>[] = [
      { fence: mine.fence + 1 },
      { lease: { holder: "another", expiresAt: mine.lease?.expiresAt ?? "" } },
      { lease: null },
      { cancel: { requestedAt: mine.createdAt, reason: "a test" } },
      { status: "COMPLETED" },
    ];

    expect(isStillOurs(mine, { ...mine })).toBe(true);
    expect(isStillOurs(mine, undefined)).toBe(false);
    expect(lost.filter((change) => isStillOurs(mine, { ...mine, ...change }))).toEqual([]);
  });

  /** Everything is pulled and written; what is left is the publication. */
  async function frozenAtPublication(place: { org: OrgIdentity; runId: string }) {
    const sleeper = heldBefore("publication");
    const slept = workedOn(world, place, billing("1.5"), sleeper.ports);
    expect(await Promise.race([sleeper.reached, slept])).toBe("held");
    return { sleeper, slept };
  }

  /** Covers the same days and one more. */
  async function youngerRun(org: OrgIdentity): Promise<void> {
    const runId = await shapedRun(world, org, { ...days, end_date: "2026-07-03" });
    expect((await workedOn(world, { org, runId }, billing("2.5"))).status).toBe("COMPLETED");
  }
});
