import { describe, expect, it } from "vitest";
import { emptyQuota } from "./quota.ts";
import { dueWarning, type Use } from "./warnings.ts";

const quota = emptyQuota(new Date("2026-08-10T12:00:00Z"));
const seats = (used: number, changed: Partial<Use> = {}): Use => ({
  limit: "seats",
  period: "2026-08",
  used,
  limitValue: 20,
  ...changed,
});

describe("warnings", () => {
  it("are due once per level, rise, and never fall within a period", () => {
    const sent: (number | undefined)[] = [];
    let document = quota;

    for (const used of [15, 16, 15, 16, 18, 16, 20, 19, 20]) {
      const due = dueWarning(document, seats(used));
      sent.push(due?.level);
      document = due?.quota ?? document;
    }

    expect(sent).toEqual([undefined, 80, undefined, undefined, 90, undefined, 100, undefined, undefined]);
    expect(document.warned).toEqual({ seats: { period: "2026-08", level: 100 } });
  });

  it("are the highest alone where several levels are crossed at once", () => {
    expect(dueWarning(quota, seats(20))?.level).toBe(100);
  });

  it("are due again in the next period, not in an earlier one, and each limit has its own", () => {
    const { quota: warned } = dueWarning(quota, seats(20)) ?? { quota };

    expect(dueWarning(warned, seats(20, { period: "2026-09" }))?.level).toBe(100);
    expect(dueWarning(warned, seats(20, { period: "2026-07" }))).toBeUndefined();
    expect(dueWarning(warned, seats(20, { limit: "providers" }))?.level).toBe(100);
  });

  it("are never due of what is unlimited", () => {
    expect(dueWarning(quota, seats(1000, { limitValue: null }))).toBeUndefined();
  });
});
