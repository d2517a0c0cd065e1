import fc from "fast-check";
import type { Fault } from "./process.ts";

/** What befalls the n-th message that is published. */
export interface MessageFault {
  at: number;
  kind: "lost" | "doubled" | "late";
  seconds: number;
}

/** What people, clocks and the provider do, at a second of virtual time. */
export type Operation =
  | { kind: "trigger"; at: number; from: number; days: number; isForced: boolean; mayWait: boolean; server: number }
  | { kind: "cancel"; at: number; which: number }
  | { kind: "restate"; at: number; day: number };

/** Gap before a tick, and how often it fires then. */
export interface Tick {
  gap: number;
  times: number;
}

/** One interleaving: everything but the order of the turns, which the scheduler decides. */
export interface Plan {
  operations: Operation[];
  faults: Fault[];
  messages: MessageFault[];
  /** Failures of provider calls, by the number of the call. */
  provider: ProviderFault[];
  ticks: Tick[];
  /** Seconds by which the clocks of processes are off, in turn. */
  skews: number[];
  /** Seconds that a page of the provider takes. */
  pageSeconds: number;
  /** After which a process hands its run on. */
  softDeadlineSeconds: number;
}

export interface ProviderFault {
  at: number;
  code: "PROVIDER_RATE_LIMITED" | "PROVIDER_UNAVAILABLE" | "PROVIDER_BAD_RESPONSE";
  retryAfterSeconds: number;
}

/** Days of the simulated provider: two of one month, two of the next. */
export const days = ["2026-07-30", "2026-07-31", "2026-08-01", "2026-08-02"] as const;

/** Seconds: much of it at once, some while it lasts, some later. */
const at = fc.oneof({ weight: 2, arbitrary: fc.nat({ max: 3 }) }, fc.nat({ max: 200 }), fc.nat({ max: 900 }));

const trigger = fc.record({
  kind: fc.constant("trigger" as const),
  at,
  from: fc.nat({ max: days.length - 1 }),
  days: fc.integer({ min: 1, max: days.length }),
  isForced: fc.boolean(),
  mayWait: fc.boolean(),
  server: fc.nat({ max: 1 }),
});
const cancelOf = (when: fc.Arbitrary<number>) => ({
  kind: fc.constant("cancel" as const),
  at: when,
  which: fc.nat({ max: 2 }),
});
const cancel = fc.record(cancelOf(at));
const restate = fc.record({ kind: fc.constant("restate" as const), at, day: fc.nat({ max: days.length - 1 }) });

const fault: fc.Arbitrary<Fault> = fc.record({
  at: fc.integer({ min: 1, max: 500 }),
  kind: fc.constantFrom("crash", "freeze", "fails before", "fails after", "beaten"),
  seconds: fc.constantFrom(20, 200, 700),
});

/** Runs that take minutes and are cancelled somewhere within; one process may die, ticks are punctual. */
export const cancelled: fc.Arbitrary<Plan> = fc.record({
  operations: fc
    .tuple(
      fc.array(trigger, { minLength: 1, maxLength: 2 }),
      fc.array(fc.record(cancelOf(fc.nat({ max: 120 }))), { minLength: 1, maxLength: 3 }),
    )
    .map(([triggers, cancels]) => [...triggers.map((one) => ({ ...one, at: 0 })), ...cancels]),
  faults: fc.array(
    fc.record({ at: fc.integer({ min: 1, max: 200 }), kind: fc.constant("crash" as const), seconds: fc.constant(0) }),
    { maxLength: 1 },
  ),
  messages: fc.constant([]),
  provider: fc.constant([]),
  ticks: fc.constant([]),
  skews: fc.array(fc.constantFrom(-600, 0, 600), { minLength: 1, maxLength: 3 }),
  pageSeconds: fc.constantFrom(5, 20, 60),
  softDeadlineSeconds: fc.constantFrom(90, 420),
});

export const plan: fc.Arbitrary<Plan> = fc.record({
  operations: fc
    .tuple(trigger, fc.array(fc.oneof({ weight: 3, arbitrary: trigger }, cancel, restate), { maxLength: 5 }))
    .map(([first, others]) => [{ ...first, at: 0 }, ...others]),
  faults: fc.array(fault, { maxLength: 8 }),
  messages: fc.array(
    fc.record({
      at: fc.integer({ min: 1, max: 12 }),
      kind: fc.constantFrom("lost", "doubled", "late"),
      seconds: fc.constantFrom(1, 60, 400, 3600),
    }),
    { maxLength: 3 },
  ),
  provider: fc.array(
    fc.record({
      at: fc.integer({ min: 1, max: 20 }),
      code: fc.constantFrom("PROVIDER_RATE_LIMITED", "PROVIDER_UNAVAILABLE", "PROVIDER_BAD_RESPONSE"),
      retryAfterSeconds: fc.constantFrom(0, 30, 120),
    }),
    { maxLength: 2 },
  ),
  ticks: fc.array(fc.record({ gap: fc.constantFrom(60, 60, 180, 600), times: fc.constantFrom(1, 1, 2) }), {
    maxLength: 6,
  }),
  skews: fc.array(fc.constantFrom(-600, 0, 600), { minLength: 1, maxLength: 4 }),
  pageSeconds: fc.constantFrom(0, 1, 20, 60),
  softDeadlineSeconds: fc.constantFrom(90, 420),
});
