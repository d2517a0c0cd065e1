import { describe, expect, it } from "vitest";
import { plans } from "#shared/plans/plans.ts";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import {
  admitted,
  emptyQuota,
  extended,
  type Limits,
  nextDay,
  nextMonth,
  type QuotaDocument,
  type QuotaUnit,
  refusalOf,
  rolled,
  settled,
} from "./quota.ts";

const { STARTER } = await plans();
const starter = STARTER.limits;
const unlimited: Limits = { daily: null, monthly: null, concurrent: null };
const at = (instant: string): Date => new Date(instant);
const later = (now: Date, seconds: number): Date => new Date(now.getTime() + seconds * 1000);

// The golden table of `organizations.md` 6.
inEveryTimeZone(() => {
  describe("STARTER with 6 runs completed on 28 February 2026", () => {
    const used = afterRuns(emptyQuota(at("2026-02-28T08:00:00Z")), 6, "2026-02-28T08:00:00Z");

    it.each([
      ["2026-02-28T23:59:30.250Z", 30],
      ["2026-02-28T23:59:59.999Z", 1],
      ["2026-02-28T23:59:59.000Z", 1],
      ["2026-02-28T08:00:00.000Z", 57_600],
    ])("refuses the 7th at %s for %i s", (instant, retryAfterSeconds) => {
      const now = at(instant);

      expect(refusalOf(rolled(used, now), starter, now)).toEqual({ limit: "daily", limitValue: 6, retryAfterSeconds });
    });

    it("admits at midnight: today 1, this month 1", () => {
      const now = at("2026-03-01T00:00:00.000Z");
      const counters = rolled(used, now);

      expect(refusalOf(counters, starter, now)).toBeUndefined();
      const { quota, unit } = admitted(counters, "run_7", now);

      expect(quota).toMatchObject({ day: "2026-03-01", month: "2026-03", dayRuns: 1, monthRuns: 1, daySucceeded: 0 });
      expect(unit).toEqual({ day: "2026-03-01", month: "2026-03", state: "held" });
    });
  });

  it("gives failures back: of 6 admitted 2 fail, and exactly two more are admitted", () => {
    const now = at("2026-05-05T10:00:00Z");
    const four = afterRuns(emptyQuota(now), 4, "2026-05-05T10:00:00Z");

    const afterFailures = ended(ended(four, "FAILED", now), "CANCELLED", now);

    expect(afterFailures).toMatchObject({ dayRuns: 4, monthRuns: 4, daySucceeded: 4, dayFailed: 2, dayRefunds: 2 });
    const full = ended(ended(afterFailures, "COMPLETED", now), "COMPLETED", now);
    expect(refusalOf(full, starter, now)?.limit).toBe("daily");
  });

  it("lets a failure keep its unit after 6 refunds in a day, and not where the day is unlimited", () => {
    const now = at("2026-05-05T10:00:00Z");
    const fail = (quota: QuotaDocument, limits: Limits) => ended(quota, "FAILED", now, limits);
    const times = (count: number, limits: Limits) =>
      Array.from({ length: count }).reduce<QuotaDocument>((quota) => fail(quota, limits), emptyQuota(now));

    expect(times(6, starter)).toMatchObject({ dayRuns: 0, monthRuns: 0, dayRefunds: 6 });
    expect(times(7, starter)).toMatchObject({ dayRuns: 1, monthRuns: 1, dayRefunds: 6, dayFailed: 7 });
    expect(times(7, unlimited)).toMatchObject({ dayRuns: 0, monthRuns: 0, dayRefunds: 7 });
  });

  it("refuses the month on 31 January after 6 a day on 30 days, until 1 February", () => {
    let quota = emptyQuota(at("2026-01-01T00:00:00Z"));
    for (let day = 1; day <= 30; day++)
      quota = afterRuns(quota, 6, `2026-01-${String(day).padStart(2, "0")}T09:00:00Z`);
    const now = at("2026-01-31T00:00:00.001Z");

    const refusal = refusalOf(rolled(quota, now), starter, now);

    expect(refusal).toEqual({ limit: "monthly", limitValue: 180, retryAfterSeconds: 86_400 });
    expect(refusalOf(rolled(quota, nextMonth(now)), starter, nextMonth(now))).toBeUndefined();
  });

  it("names the longest wait when several limits are reached", () => {
    const now = at("2026-01-30T09:00:00Z");
    const running = { a: { until: "2026-01-30T09:10:00Z" }, b: { until: "2026-01-30T09:10:00Z" } };
    const full = { ...emptyQuota(now), dayRuns: 6, monthRuns: 180, running };

    expect(refusalOf(full, starter, now)?.limit).toBe("monthly");
    expect(refusalOf({ ...full, monthRuns: 179 }, starter, now)?.limit).toBe("daily");
    expect(refusalOf({ ...full, monthRuns: 179, dayRuns: 5 }, starter, now)?.limit).toBe("concurrent");
    expect(refusalOf({ ...full, monthRuns: 179, dayRuns: 5, running: {} }, starter, now)).toBeUndefined();
  });

  it.each([
    ["2028-02-28T12:00:00Z", 43_200, 129_600],
    ["2026-12-31T00:00:00Z", 86_400, 86_400],
    ["2027-02-28T12:00:00Z", 43_200, 43_200],
    ["2026-04-30T23:59:59.999Z", 1, 1],
    ["2026-11-01T09:59:59.500Z", 50_401, 2_556_001],
  ])("counts from %s %i s to the next day and %i s to the next month", (instant, day, month) => {
    const now = at(instant);
    const used = { ...emptyQuota(now), dayRuns: 1, monthRuns: 1 };

    expect(refusalOf(used, { ...unlimited, daily: 1 }, now)?.retryAfterSeconds).toBe(day);
    expect(refusalOf(used, { ...unlimited, monthly: 1 }, now)?.retryAfterSeconds).toBe(month);
  });

  it.each([
    [42.1, 43],
    [700, 300],
    [0.2, 1],
    [300, 300],
    [-5, 1],
  ])(
    "sends a caller who finds no slot away for the earliest end, %d s from now: %i s",
    (seconds, retryAfterSeconds) => {
      const now = at("2026-05-05T10:00:00Z");
      const running = {
        first: { until: later(now, seconds).toISOString() },
        last: { until: later(now, 900).toISOString() },
      };

      const refusal = refusalOf({ ...emptyQuota(now), running }, starter, now);

      expect(refusal).toEqual({ limit: "concurrent", limitValue: 2, retryAfterSeconds });
    },
  );

  it("sends a caller away for the longest while where no slot exists at all", () => {
    const now = at("2026-05-05T10:00:00Z");

    expect(refusalOf(emptyQuota(now), { ...unlimited, concurrent: 0 }, now)?.retryAfterSeconds).toBe(300);
  });

  it.each([
    ["in the same month", "2026-05-05T23:59:59.900Z", "2026-05-06T00:00:05Z", 0, "returned"],
    ["when the month turned too", "2026-05-31T23:59:59.900Z", "2026-06-01T00:00:05Z", 0, "used"],
    ["when the year turned", "2026-12-31T23:59:59.900Z", "2027-01-01T00:00:05Z", 0, "used"],
  ])("changes no day counter when yesterday's run fails, %s", (_, taken, failed, monthRuns, state) => {
    const { quota, unit } = admitted(emptyQuota(at(taken)), "run_1", at(taken));
    const now = at(failed);

    const after = settled(rolled(quota, now), { runId: "run_1", unit, outcome: "FAILED" }, starter, now);

    expect(after.quota).toMatchObject({
      dayRuns: 0,
      daySucceeded: 0,
      dayFailed: 0,
      dayRefunds: 0,
      monthRuns,
      running: {},
    });
    expect(after.unit.state).toBe(state);
  });

  it("keeps today's units when yesterday's run fails: only the month gets one back", () => {
    const yesterday = at("2026-05-05T23:59:59.900Z");
    const { quota, unit } = admitted(emptyQuota(yesterday), "run_1", yesterday);
    const now = at("2026-05-06T00:00:05Z");
    const today = afterRuns(rolled(quota, now), 3, "2026-05-06T00:00:04Z");

    const after = settled(today, { runId: "run_1", unit, outcome: "CANCELLED" }, starter, now);

    expect(after.quota).toMatchObject({ dayRuns: 3, monthRuns: 3, daySucceeded: 3, dayFailed: 0, dayRefunds: 0 });
  });

  it.each([
    ["a day", "2026-05-05T23:59:59.999Z", "2026-05-06T00:00:00.000Z", { dayRuns: 0, monthRuns: 5 }],
    ["a month of 30 days", "2026-04-30T23:59:59.999Z", "2026-05-01T00:00:00.000Z", { dayRuns: 0, monthRuns: 0 }],
    ["into a leap day", "2028-02-28T23:59:59.999Z", "2028-02-29T00:00:00.000Z", { dayRuns: 0, monthRuns: 5 }],
    ["out of a leap day", "2028-02-29T23:59:59.999Z", "2028-03-01T00:00:00.000Z", { dayRuns: 0, monthRuns: 0 }],
    ["a year", "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00.000Z", { dayRuns: 0, monthRuns: 0 }],
    [
      "the hour that Los Angeles skips",
      "2026-03-08T09:59:59.999Z",
      "2026-03-08T10:00:00.000Z",
      { dayRuns: 5, monthRuns: 5 },
    ],
    ["the day that Apia skipped in 2011", "2011-12-30T10:00:00Z", "2011-12-30T23:00:00Z", { dayRuns: 5, monthRuns: 5 }],
  ])("starts at 0 on the first read after %s and needs no job", (_, before, after, counters) => {
    const quota = { ...afterRuns(emptyQuota(at(before)), 5, before), dayRefunds: 1, dayFailed: 2 };

    expect(rolled(quota, at(after))).toMatchObject(counters);
    expect(rolled(rolled(quota, at(after)), at(after))).toEqual(rolled(quota, at(after)));
  });

  it.each([
    ["an hour over midnight", "2026-05-06T00:10:00Z", "2026-05-05T23:10:00Z"],
    ["an hour over the month's end", "2026-06-01T00:10:00Z", "2026-05-31T23:10:00Z"],
    ["an hour over the year's end", "2027-01-01T00:10:00Z", "2026-12-31T23:10:00Z"],
    ["a year", "2027-01-01T00:10:00Z", "2026-01-01T00:10:00Z"],
  ])("changes nothing when the clock steps back %s, nor resets twice when it comes again", (_, ahead, behind) => {
    const quota = afterRuns(emptyQuota(at(ahead)), 6, ahead);

    expect(rolled(quota, at(behind))).toEqual(quota);
    expect(rolled(rolled(quota, at(behind)), at(ahead))).toEqual(quota);
    expect(refusalOf(rolled(quota, at(behind)), starter, at(behind))?.limit).toBe("daily");
  });

  it("says when day and month start again", () => {
    expect(nextDay(at("2028-02-28T23:59:59.999Z")).toISOString()).toBe("2028-02-29T00:00:00.000Z");
    expect(nextMonth(at("2026-12-31T00:00:00.000Z")).toISOString()).toBe("2027-01-01T00:00:00.000Z");
  });
});

describe("a limit", () => {
  const now = at("2026-05-05T10:00:00Z");

  it("of null admits, up to the ceiling of 5,000 live runs", () => {
    const running = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, run) => [`run_${run}`, { until: later(now, 900).toISOString() }]),
    );
    const many = { ...emptyQuota(now), dayRuns: 1_000_000, monthRuns: 10_000_000 };

    expect(refusalOf(many, unlimited, now)).toBeUndefined();
    expect(refusalOf({ ...many, running }, unlimited, now)).toMatchObject({ limit: "concurrent", limitValue: 5_000 });
  });

  it("of 0 admits nothing", () => {
    expect(refusalOf(emptyQuota(now), { ...unlimited, daily: 0 }, now)).toMatchObject({
      limit: "daily",
      limitValue: 0,
    });
  });

  it("lowered below what is used refuses the next and takes nothing from what runs", () => {
    const quota = threeRunning(now);

    expect(refusalOf(quota, starter, now)?.limit).toBe("concurrent");
    expect(extended(quota, "run_3", starter, later(now, 800))?.quota.running["run_3"]).toBeDefined();
  });
});

describe("a slot", () => {
  const now = at("2026-05-05T10:00:00Z");

  it("lives 900 s, and is gone with its last millisecond", () => {
    const { quota } = admitted(emptyQuota(now), "run_1", now);

    expect(Object.keys(rolled(quota, later(now, 899.999)).running)).toEqual(["run_1"]);
    expect(rolled(quota, later(now, 900)).running).toEqual({});
  });

  it.each([
    [779, false],
    [780, false],
    [780.001, true],
    [899, true],
  ])("of 900 s is extended after %d s only when less than 120 s are left: %s", (seconds, isChanged) => {
    const { quota } = admitted(emptyQuota(now), "run_1", now);
    const renewedAt = later(now, seconds);

    const result = extended(rolled(quota, renewedAt), "run_1", starter, renewedAt);

    expect(result?.isChanged).toBe(isChanged);
    const until = isChanged ? later(renewedAt, 300) : later(now, 900);
    expect(result?.quota.running["run_1"]?.until).toBe(until.toISOString());
  });

  it("that was dropped is taken again where one is free, and otherwise not", () => {
    const afterwards = later(now, 901);
    const dropped = rolled(threeRunning(now), afterwards);
    const one = extended(dropped, "run_1", starter, afterwards)?.quota ?? dropped;
    const two = extended(one, "run_2", starter, afterwards)?.quota ?? one;

    expect(Object.keys(two.running)).toEqual(["run_1", "run_2"]);
    expect(extended(two, "run_3", starter, afterwards)).toBeUndefined();
  });

  it("taken again counts in the day's highest concurrency", () => {
    const nextMorning = at("2026-05-06T00:00:01Z");
    const dropped = rolled(threeRunning(now), nextMorning);

    const again = extended(dropped, "run_1", starter, nextMorning);

    expect(dropped.dayMaxConcurrent).toBe(0);
    expect(again?.quota.dayMaxConcurrent).toBe(1);
  });

  it("that lives over midnight counts in the new day's highest concurrency", () => {
    const evening = at("2026-05-05T23:59:00Z");

    expect(rolled(threeRunning(evening), at("2026-05-06T00:00:00Z")).dayMaxConcurrent).toBe(3);
  });
});

describe("settling", () => {
  const now = at("2026-05-05T10:00:00Z");

  it.each([
    ["COMPLETED", "used"],
    ["FAILED", "returned"],
    ["CANCELLED", "returned"],
  ] as const)("%s a second time changes nothing", (outcome, state) => {
    const { quota, unit } = admitted(emptyQuota(now), "run_1", now);
    const once = settled(quota, { runId: "run_1", unit, outcome }, starter, now);

    for (const again of ["COMPLETED", "FAILED", "CANCELLED"] as const) {
      const twice = settled(once.quota, { runId: "run_1", unit: once.unit, outcome: again }, starter, later(now, 5));
      expect(twice).toEqual(once);
    }
    expect(once.unit.state).toBe(state);
  });

  it("after the slot has run out frees nobody else's slot and counts once", () => {
    const { quota, unit } = admitted(emptyQuota(now), "run_1", now);
    const afterwards = later(now, 1_000);
    const other = admitted(rolled(quota, afterwards), "run_2", afterwards).quota;

    const after = settled(other, { runId: "run_1", unit, outcome: "FAILED" }, starter, afterwards);

    expect(Object.keys(after.quota.running)).toEqual(["run_2"]);
    expect(after.quota).toMatchObject({ dayRuns: 1, monthRuns: 1, dayFailed: 1 });
  });

  it("never takes a counter below 0", () => {
    const unit: QuotaUnit = { day: "2026-05-05", month: "2026-05", state: "held" };

    const { quota } = settled(emptyQuota(now), { runId: "run_1", unit, outcome: "FAILED" }, starter, now);

    expect(quota).toMatchObject({ dayRuns: 0, monthRuns: 0 });
  });
});

/** The counters after so many runs, one after the other, that were admitted and completed at that instant. */
function afterRuns(start: QuotaDocument, count: number, instant: string): QuotaDocument {
  let quota = rolled(start, at(instant));
  for (let run = 0; run < count; run++) quota = ended(quota, "COMPLETED", at(instant));
  return quota;
}

/** The counters after one more run of that outcome; it must be admissible. */
function ended(
  quota: QuotaDocument,
  outcome: "COMPLETED" | "FAILED" | "CANCELLED",
  now: Date,
  limits: Limits = starter,
): QuotaDocument {
  expect(refusalOf(quota, limits, now)).toBeUndefined();
  const taken = admitted(quota, "run_x", now);
  return settled(taken.quota, { runId: "run_x", unit: taken.unit, outcome }, limits, now).quota;
}

function threeRunning(now: Date): QuotaDocument {
  return ["run_1", "run_2", "run_3"].reduce((quota, run) => admitted(quota, run, now).quota, emptyQuota(now));
}
