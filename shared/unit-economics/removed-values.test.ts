import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { takeDueTimers } from "#shared/timers/take-due.ts";
import type { MetricAnswer } from "./metric.ts";
import { createMetric, deleteMetric } from "./metric-changes.ts";
import { dayPath, journalPath, metricPath } from "./metric-store.ts";
import { metricValuesTimer, removeMetricValues } from "./removed-values.ts";
import { putValues, type ValuesPut } from "./values-write.ts";

const caller = { kind: "root" as const, credentialId: "root" as const };
const deletedAt = "2026-08-10T12:00:00.000Z";
const due = "2027-09-14T12:00:00.000Z";
const dayMilliseconds = 86_400_000;
let world: World;
let count = 0;
beforeAll(async () => {
  world = await startWorld({ now: deletedAt });
});
afterAll(() => world.stop());

async function withMetric(): Promise<OrgIdentity> {
  world.clock.set(deletedAt);
  count += 1;
  const { org } = await world.onboarded(`Values_${count}`);
  await made(org);
  return org;
}

const made = (org: OrgIdentity) => {
  const request = { metric: "seats", display_name: "Seats", unit_name: "seat" };
  return createMetric({ org, caller, request }, plainEffects<MetricAnswer>(world.ports));
};

const day = (at: number) => new Date(Date.UTC(2020, 0, 1) + at * dayMilliseconds).toISOString().slice(0, 10);

async function written(org: OrgIdentity, from: number, days: number): Promise<void> {
  const values = Array.from({ length: days }, (_, at) => ({ day: day(from + at), dimension: "", quantity: 7 }));
  const asked = { org, caller, metric: "seats", request: { values } };
  await putValues(asked, plainEffects<ValuesPut>(world.ports), world.ports);
}

const deleted = (org: OrgIdentity) => deleteMetric({ org, caller, metric: "seats" }, plainEffects<null>(world.ports));

const tick = () =>
  takeDueTimers(
    { [metricValuesTimer]: removeMetricValues },
    { ...world.ports, commit: (body) => commitChange(body, world.ports) },
  );

/** How many of the metric's days and journal documents there are. */
async function kept(org: OrgIdentity, days: number): Promise<[number, number]> {
  const there = async (paths: string[]) =>
    (await world.ports.documents.getAll(paths)).filter(({ body }) => body !== undefined).length;
  const numbers = Array.from({ length: 40 }, (_, at) => journalPath(org, "seats", at + 1));
  const stored = Array.from({ length: days }, (_, at) => dayPath(org, "seats", day(at)));
  return [await there(stored), await there(numbers)];
}

// hierarchy.md 3: DELETE hides it, values kept 400 days
describe("the values of a deleted metric", () => {
  it("stay 400 days to the instant and are then removed with their journal, however many they are", async () => {
    const org = await withMetric();
    await written(org, 0, 500);
    const before = await kept(org, 500);
    await deleted(org);

    world.clock.set(new Date(Date.parse(due) - 1).toISOString());
    await tick();
    const early = await kept(org, 500);
    world.clock.set(due);
    await tick();
    const first = await kept(org, 500);
    await tick();

    expect([before, early, first]).toEqual([
      [500, 17],
      [500, 17],
      [100, 17],
    ]);
    expect(await kept(org, 500)).toEqual([0, 0]);
    const timers = await world.ports.documents.get(`timers/${metricValuesTimer}:${org.key}.seats.1`);
    expect(timers.body).toBeUndefined();
    const { body } = await world.ports.documents.get(metricPath(org, "seats"));
    expect(body).toMatchObject({ days: {}, deletedAt });
  });

  it("go without those of a metric that took the name meanwhile", async () => {
    const org = await withMetric();
    await written(org, 0, 40);
    await deleted(org);
    world.clock.set(due);
    await made(org);
    await written(org, 35, 1);

    await tick();

    expect(await kept(org, 40)).toEqual([1, 1]);
    const { body } = await world.ports.documents.get(dayPath(org, "seats", day(35)));
    expect(body).toMatchObject({ series: 2, revision: 2 });
  });

  it("of an organization that is gone are not taken for those of another under its name", async () => {
    const org = await withMetric();
    await written(org, 0, 1);
    await deleted(org);
    await world.ports.documents.transaction(async (tx) => {
      const { body, path } = await tx.get<{ orgId: string }>(`orgs/${org.key}`);
      tx.set(path, { ...body, orgId: "org_ANOTHER" });
    });

    world.clock.set(due);
    await tick();

    expect(await kept(org, 1)).toEqual([1, 1]);
  });
});
