import { dayOf, parseDay } from "./days.ts";
import { parseDecimal } from "./decimal.ts";
import { createFaultList, type FaultList } from "./faults/fault-list.ts";
import { createRequestLog, type RequestLog } from "./request-log.ts";

export const scenarios = ["default", "wide"] as const;
type Scenario = (typeof scenarios)[number];

export interface SimulationOptions {
  /** Default 42. */
  seed?: number;
  /** First UTC day with data, `yyyy-mm-dd`; default 2026-01-01. */
  from?: string;
  /** Last UTC day with data, or `today` (default): the day of the simulator's clock. */
  to?: string;
  /** Days fill up over three days instead of being whole at once. */
  late?: boolean;
  scenario?: Scenario;
  /** Holds the simulator's clock at this instant; default the system's clock. */
  now?: Date | string;
}

/** A change of a published cost after the fact. */
export interface Adjustment {
  provider: string;
  account: string;
  day: number;
  lineItem: string;
  /** 10^-12 of the currency, signed. */
  delta: bigint;
}

export interface Simulation {
  readonly seed: number;
  readonly from: string;
  readonly to: string;
  readonly late: boolean;
  readonly scenario: Scenario;
  readonly faults: FaultList;
  readonly requests: RequestLog;
  now(): Date;
  /** Holds the clock at an instant; undefined lets it follow the system again. */
  holdClock(now: Date | undefined): void;
  /** Percent of a day's units that are visible at the simulator's clock; 0 outside the days with data. */
  visiblePercent(day: number): bigint;
  adjust(adjustment: Adjustment): void;
  adjustmentsOf(provider: string, account: string, day: number): Adjustment[];
  /** Back to the start: clock, faults, adjustments and request log. */
  reset(): void;
}

/** Percent visible on the day itself, one, two and three days later (providers.md 5, `--late`). */
const latePercents = [70n, 90n, 97n, 100n];

/** One running world. All state that control calls may change lives here; the data itself has no state. Throws on bad options. */
export function createSimulation(options: SimulationOptions): Simulation {
  const { seed = 42, from = "2026-01-01", to = "today", late = false, scenario = "default" } = options;
  if (!Number.isSafeInteger(seed)) throw new Error(`seed must be an integer: ${seed}`);
  const first = parseDay(from);
  const last = to === "today" ? Number.POSITIVE_INFINITY : parseDay(to);
  if (last < first) throw new Error(`--to ${to} is before --from ${from}`);
  const startNow = options.now === undefined ? undefined : parseInstant(options.now);
  const faults = createFaultList(seed);
  const requests = createRequestLog();
  let held = startNow;
  let adjustments: Adjustment[] = [];
  const now = () => new Date(held?.getTime() ?? Date.now());

  const visiblePercent = (day: number): bigint => {
    const age = dayOf(now()) - day;
    if (age < 0 || day < first || day > last) return 0n;
    return late ? (latePercents[age] ?? 100n) : 100n;
  };
  const reset = () => {
    held = startNow;
    adjustments = [];
    faults.clear();
    requests.clear();
  };
  return {
    seed,
    from,
    to,
    late,
    scenario,
    faults,
    requests,
    now,
    visiblePercent,
    reset,
    holdClock: (instant) => {
      held = instant;
    },
    adjust: (adjustment) => {
      adjustments.push(adjustment);
    },
    adjustmentsOf: (provider, account, day) =>
      adjustments.filter((one) => one.provider === provider && one.account === account && one.day === day),
  };
}

/** An ISO 8601 instant with its offset, or a Date. Throws on anything else. */
export function parseInstant(value: Date | string): Date {
  if (typeof value === "string" && !/T.*(Z|[+-]\d{2}:\d{2})$/.test(value)) throw new Error(`not an instant: ${value}`);
  const instant = new Date(value);
  if (Number.isNaN(instant.getTime())) throw new Error(`not an instant: ${value}`);
  return instant;
}

/** Reads the body of `PUT /__sim/adjust`. Throws with a message for the caller. */
export function parseAdjustment(body: Record<string, unknown>): Adjustment {
  const text = (name: string): string => {
    const value = body[name];
    if (typeof value !== "string" || value === "") throw new Error(`${name} must be a non-empty string`);
    return value;
  };
  return {
    provider: text("provider"),
    account: text("account"),
    day: parseDay(text("day")),
    lineItem: text("line_item"),
    delta: parseDecimal(text("delta")),
  };
}
