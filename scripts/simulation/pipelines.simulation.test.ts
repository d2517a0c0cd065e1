import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type SimulationBase, simulationBase } from "./base.ts";
import { bundledSimulation } from "./bundled.ts";
import { cancelled, type Plan, plan } from "./plan.ts";
import type { Outcome } from "./simulation.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** With the 500 plans of cancels a thousand, which is about a minute of a processor. */
const interleavings = Number(process.env["CA_SIMULATIONS"] ?? 500);
const seed = Number(process.env["CA_SIMULATION_SEED"] ?? 20_260_810);
/** As a failure prints it: the one interleaving that failed. */
const path = process.env["CA_SIMULATION_PATH"];

function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return Math.round((user + system) / 1e6);
}

/** How to see the failure again, the smallest plan that brings it about, and what happened. */
function reportOf({ counterexamplePath, counterexample, errorInstance }: fc.RunDetails<[Plan, fc.Scheduler]>): string {
  const again = `CA_SIMULATION_SEED=${seed} CA_SIMULATION_PATH=${counterexamplePath}`;
  const story = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return `${again}\n${JSON.stringify(counterexample?.[0])}\n${story}`;
}

describe("many processes on one store, with faults", () => {
  let base: SimulationBase;
  let Simulation: Awaited<ReturnType<typeof bundledSimulation>>["Simulation"];
  beforeAll(async () => {
    base = await simulationBase();
    ({ Simulation } = await bundledSimulation());
    // What is loaded at first use would take real time, which the simulation does not see.
    for (const [one, scheduler] of fc.sample(fc.tuple(plan, fc.scheduler()), { numRuns: 25, seed: 1 }))
      await simulated(one, scheduler).catch(() => {});
  }, 120_000);
  afterAll(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  async function simulated(one: Plan, scheduler: fc.Scheduler): Promise<Outcome> {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
    let drawn = 1;
    vi.spyOn(Math, "random").mockImplementation(() => {
      drawn = (drawn * 16_807) % 2_147_483_647;
      return drawn / 2_147_483_647;
    });
    const started = performance.now();
    const time: VirtualTime = {
      elapsed: () => performance.now() - started,
      advance: () => void vi.advanceTimersToNextTimer(),
    };
    const simulation = new Simulation(base, one, scheduler, time);
    try {
      return await simulation.run();
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${simulation.story()}`, {
        cause: error,
      });
    } finally {
      vi.clearAllTimers();
      vi.useRealTimers();
      vi.restoreAllMocks();
    }
  }

  it("go the same way again under the same seed", async () => {
    const [one, other] = [1, 2].map(() => fc.sample(fc.tuple(plan, fc.scheduler()), { numRuns: 5, seed }));
    const outcomes: unknown[][] = [];
    for (const samples of [one, other]) {
      const own: unknown[] = [];
      for (const [each, scheduler] of samples ?? []) own.push(await simulated(each, scheduler));
      outcomes.push(own);
    }

    expect(outcomes[0]).toEqual(outcomes[1]);
  });

  it("publish nothing after a cancel was accepted, and free its slot within four minutes", async () => {
    const outcomes: Outcome[] = [];
    const property = fc.asyncProperty(cancelled, fc.scheduler(), async (one, scheduler) => {
      const outcome = await simulated(one, scheduler);
      outcomes.push(outcome);
      expect(outcome.slowestCancel).toBeLessThanOrEqual(240);
      for (const [first, second] of outcome.repeated) expect(second).toEqual(first);
    });

    const cpu = process.cpuUsage();

    const verdict = await fc.check(property, { numRuns: 500, seed });

    if (verdict.failed) throw new Error(reportOf(verdict), { cause: verdict.errorInstance });
    const ends = outcomes.flatMap(({ statuses }) => statuses);
    const slowest = Math.max(...outcomes.map(({ slowestCancel }) => slowestCancel));
    console.log(
      `${outcomes.length} plans with cancels: ${ends.filter((end) => end === "CANCELLED").length} runs cancelled, the slowest ${slowest} s after its cancel, ${cpuSeconds(cpu)} s CPU`,
    );
    expect(ends.filter((end) => end === "CANCELLED").length).toBeGreaterThan(100);
  }, 600_000);

  it("end in the provider's truth, every run ended, every slot free", async () => {
    const outcomes: Outcome[] = [];
    const property = fc.asyncProperty(plan, fc.scheduler(), async (one, scheduler) => {
      outcomes.push(await simulated(one, scheduler));
    });
    const cpu = process.cpuUsage();

    const verdict = await fc.check(property, { numRuns: interleavings, seed, ...(path === undefined ? {} : { path }) });

    if (verdict.failed) throw new Error(reportOf(verdict), { cause: verdict.errorInstance });
    const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((all, one) => all + of(one), 0);
    const ends = new Map<string, number>();
    for (const end of outcomes.flatMap(({ statuses }) => statuses)) ends.set(end, (ends.get(end) ?? 0) + 1);
    console.log(
      `${outcomes.length} interleavings, seed ${seed}: ${sum(({ turns }) => turns)} turns, ${sum(({ claims }) => claims)} claims, ${sum(({ publications }) => publications)} publications before the last pull, ${Math.round(sum(({ hours }) => hours))} virtual hours, ${cpuSeconds(cpu)} s CPU; ends ${JSON.stringify(Object.fromEntries(ends))}`,
    );
    expect(ends.get("COMPLETED")).toBeGreaterThan(interleavings);
  }, 600_000);
});
