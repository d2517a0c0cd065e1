import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import { deadLetterAttributes } from "#shared/platform/topics/dead-letter.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { keepDeadLetter } from "./dead-letters.ts";
import { gaugesText, measureGauges } from "./gauges.ts";
import { discardLetter } from "./replay-letter.ts";
import { sweepRuns } from "./sweeper.ts";

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

async function shown(): Promise<Record<string, number>> {
  await measureGauges(world.ports.documents);
  const text = await gaugesText(world.ports.documents);
  return Object.fromEntries([...text.matchAll(/^(ca_\w+) (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]));
}

async function kept(messageId: string): Promise<string> {
  const attributes = deadLetterAttributes("mail", "2026-08-10T12:00:00Z", 10);
  await keepDeadLetter({ payload: {}, attributes, messageId, deliveryAttempt: 1 }, world.ports);
  return createHash("sha256").update(messageId).digest("hex");
}

it("shows how many dead letters nobody has decided about, in the form that Prometheus reads", async () => {
  const id = await kept("one");
  await kept("two");
  await kept("two");

  expect((await shown())["ca_dead_letters_open"]).toBe(2);
  await commitChange((change) => discardLetter(id, "nobody needs it", change), world.ports);

  expect((await shown())["ca_dead_letters_open"]).toBe(1);
  expect(await gaugesText(world.ports.documents)).toContain(
    "# TYPE ca_dead_letters_open gauge\nca_dead_letters_open 1\n",
  );
});

it("shows runs that nobody has looked after in time, until somebody does", async () => {
  const { org } = await world.onboarded("overdue");
  await world.connected(org, "overdue1");
  await world.trigger(org, { date: "2026-08-01" });

  world.clock.advance(14 * 60);
  const late = (await shown())["ca_runs_overdue"];
  world.clock.advance(2 * 60);
  const overdue = (await shown())["ca_runs_overdue"];
  await sweepRuns(world.ports);

  expect([late, overdue, (await shown())["ca_runs_overdue"]]).toEqual([0, 1, 0]);
});

it("shows nothing rather than a figure that nobody has measured lately", async () => {
  expect(await gaugesText(world.ports.documents)).toBe("");
  await measureGauges(world.ports.documents);
  world.clock.advance(11 * 60);

  expect(await gaugesText(world.ports.documents)).toBe("");
});
