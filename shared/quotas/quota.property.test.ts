import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  admitted,
  emptyQuota,
  extended,
  type Limits,
  type QuotaDocument,
  type QuotaUnit,
  refusalOf,
  rolled,
  settled,
} from "./quota.ts";

type Outcome = "COMPLETED" | "FAILED" | "CANCELLED";

/** What the world does to one organization's counters. A run that is never settled has crashed. */
type Event =
  | { does: "reserve" }
  | { does: "extend"; run: number }
  | { does: "settle"; run: number; outcome: Outcome }
  | { does: "pass"; seconds: number };

const seconds = fc.oneof(
  fc.double({ min: 0.001, max: 400, noNaN: true }),
  fc.integer({ min: 700, max: 1_000 }),
  fc.integer({ min: 3_600, max: 90_000 }),
  // The store's clock is corrected backwards.
  fc.integer({ min: -7_200, max: -1 }),
);
const run = fc.nat(40);
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ does: fc.constant("reserve" as const) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("extend" as const), run }) },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant("settle" as const),
      run,
      outcome: fc.constantFrom<Outcome>("COMPLETED", "FAILED", "CANCELLED"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant("pass" as const), seconds }) },
);
const limit = (max: number) => fc.option(fc.integer({ min: 0, max }), { freq: 6 });
const limits: fc.Arbitrary<Limits> = fc.record({ daily: limit(6), monthly: limit(15), concurrent: limit(4) });
const start = fc.constantFrom(
  "2026-05-05T10:00:00Z",
  "2028-02-28T23:50:00Z",
  "2028-02-29T23:59:59.9Z",
  "2026-12-31T23:55:00Z",
  "2026-04-30T22:00:00Z",
);

/** The document as the product keeps it, and beside it every run, from which the counters can be recounted. */
class World {
  now: number;
  quota: QuotaDocument;
  readonly limits: Limits;
  readonly runs: { id: string; unit: QuotaUnit }[] = [];
  latest: number;

  constructor(startAt: string, given: Limits) {
    this.now = Date.parse(startAt);
    this.latest = this.now;
    this.quota = emptyQuota(new Date(this.now));
    this.limits = given;
  }

  happens(one: Event): void {
    if (one.does === "pass") this.passes(one.seconds);
    else if (one.does === "reserve") this.reserves();
    else if (one.does === "extend") this.extends(one.run);
    else this.settles(one.run, one.outcome);
  }

  passes(duration: number): void {
    this.now = Math.round(this.now + duration * 1000);
    this.latest = Math.max(this.latest, this.now);
  }

  /** A refusal writes nothing, not even a due roll. */
  reserves(): void {
    const now = new Date(this.now);
    const counters = rolled(this.quota, now);
    if (refusalOf(counters, this.limits, now) !== undefined) return;
    const id = `run_${this.runs.length}`;
    const taken = admitted(counters, id, now);
    this.quota = taken.quota;
    this.runs.push({ id, unit: taken.unit });
  }

  extends(number: number): void {
    const found = this.runs[number % this.runs.length];
    if (found?.unit.state !== "held") return;
    const now = new Date(this.now);
    const slot = extended(rolled(this.quota, now), found.id, this.limits, now);
    if (slot?.isChanged) this.quota = slot.quota;
  }

  /** Settles also what is settled already: deliveries repeat. */
  settles(number: number, outcome: Outcome): void {
    const found = this.runs[number % this.runs.length];
    if (found === undefined) return;
    const now = new Date(this.now);
    const after = settled(rolled(this.quota, now), { runId: found.id, unit: found.unit, outcome }, this.limits, now);
    this.quota = after.quota;
    found.unit = after.unit;
  }

  live(): number {
    return Object.values(this.quota.running).filter(({ until }) => Date.parse(until) > this.now).length;
  }
}

function expectInvariants({ quota, runs, limits: given, ...world }: World, live: number): void {
  const counted = runs.filter(({ unit }) => unit.state !== "returned");
  expect(quota.dayRuns).toBe(counted.filter(({ unit }) => unit.day === quota.day).length);
  expect(quota.monthRuns).toBe(counted.filter(({ unit }) => unit.month === quota.month).length);
  expect(quota.dayRuns).toBeLessThanOrEqual(given.daily ?? Infinity);
  expect(quota.monthRuns).toBeLessThanOrEqual(given.monthly ?? Infinity);
  expect(live).toBeLessThanOrEqual(given.concurrent ?? Infinity);
  expect(quota.dayMaxConcurrent).toBeGreaterThanOrEqual(live);
  expect(quota.day <= new Date(world.latest).toISOString().slice(0, 10)).toBe(true);
  const counters = [quota.dayRuns, quota.monthRuns, quota.daySucceeded, quota.dayFailed, quota.dayRefunds];
  expect(Math.min(...counters)).toBeGreaterThanOrEqual(0);
  const held = new Set(runs.filter(({ unit }) => unit.state === "held").map(({ id }) => id));
  expect(Object.keys(quota.running).filter((id) => !held.has(id))).toEqual([]);
}

describe("any history of reservations, extensions, settlements, crashes and clock steps", () => {
  it("stays within its limits at every step, recounts to the same counters and ends with no slot", () => {
    fc.assert(
      fc.property(start, limits, fc.array(event, { minLength: 1, maxLength: 60 }), (startAt, given, history) => {
        const world = new World(startAt, given);

        for (const one of history) {
          const day = world.quota.day;
          world.happens(one);
          expect(world.quota.day >= day).toBe(true);
          expectInvariants(world, world.live());
        }
        world.passes((world.latest - world.now) / 1000 + 901);

        expect(rolled(world.quota, new Date(world.now)).running).toEqual({});
      }),
      { numRuns: 2_000 },
    );
  });

  it("admits at most twice the day's limit in one day, however many attempts fail", () => {
    fc.assert(
      fc.property(
        start,
        fc.integer({ min: 0, max: 6 }),
        fc.array(event, { maxLength: 80 }),
        (startAt, daily, history) => {
          const world = new World(startAt, { daily, monthly: null, concurrent: null });

          for (const one of history) world.happens(one);

          for (const day of new Set(world.runs.map(({ unit }) => unit.day))) {
            const attempts = world.runs.filter(({ unit }) => unit.day === day);
            expect(attempts.length).toBeLessThanOrEqual(2 * daily);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("gives each unit back at most once, whatever is settled how often and in which order", () => {
    const settlements = fc.array(fc.tuple(run, fc.constantFrom<Outcome>("COMPLETED", "FAILED", "CANCELLED")));
    fc.assert(
      fc.property(start, fc.integer({ min: 1, max: 20 }), settlements, (startAt, count, outcomes) => {
        const world = new World(startAt, { daily: null, monthly: null, concurrent: null });
        for (let made = 0; made < count; made++) world.reserves();
        const first = new Map<string, Outcome>();

        for (const [number, outcome] of outcomes) {
          const id = `run_${number % count}`;
          if (!first.has(id)) first.set(id, outcome);
          world.settles(number, outcome);
        }

        const returned = [...first.values()].filter((outcome) => outcome !== "COMPLETED").length;
        expect(world.quota).toMatchObject({
          dayRuns: count - returned,
          monthRuns: count - returned,
          dayRefunds: returned,
        });
        expect(Object.keys(world.quota.running)).toHaveLength(count - first.size);
      }),
      { numRuns: 1_000 },
    );
  });
});
