import { describe, expect, it } from "vitest";
import { type HighMarks, type Reached, raised } from "./high-marks.ts";

const now = new Date("2026-08-10T12:00:00Z");
const published = (day: string, ledgerBytes: number): Reached => ({
  kind: "published",
  provider: "openai",
  day,
  ledgerBytes,
});
const loaded = (share: number): Reached => ({ kind: "loaded", table: "cost_data_standard", share });

function raisedBy(stored: HighMarks | undefined, reached: Reached, at = now): HighMarks {
  const next = raised(stored, reached, at);
  if (next === undefined) throw new Error("nothing was raised");
  return next;
}

describe("a high mark", () => {
  it("is rounded up to its step, so that what is used is never shown as less", () => {
    const marks = raisedBy(raisedBy(undefined, published("2026-08-09", 10_001)), loaded(0.0007));

    expect(marks).toEqual({
      newestDays: { openai: "2026-08-09" },
      ledgerBytes: { "2026-08-10": 20_000 },
      budget: { day: "2026-08-10", shares: { cost_data_standard: 0.05 } },
    });
  });

  it.each([
    ["an older day", published("2026-08-08", 1)],
    ["the same day and step", published("2026-08-09", 20_000)],
    ["the same share", loaded(0.05)],
  ])("is not written again for %s", (_what, reached) => {
    const marks = raisedBy(raisedBy(undefined, published("2026-08-09", 10_001)), loaded(0.0007));

    expect(raised(marks, reached, now)).toBeUndefined();
  });

  it("begins anew with the UTC day: of shares at once, of bytes when the day before is not the newest but one", () => {
    const first = raisedBy(raisedBy(undefined, published("2026-08-09", 90_000)), loaded(0.9));
    const second = raisedBy(first, published("2026-08-10", 10_000), new Date("2026-08-11T00:00:00Z"));
    const third = raisedBy(second, published("2026-08-11", 10_000), new Date("2026-08-12T00:00:00Z"));
    const fourth = raisedBy(third, loaded(0.1), new Date("2026-08-12T00:00:00Z"));

    expect(second.ledgerBytes).toEqual({ "2026-08-10": 90_000, "2026-08-11": 10_000 });
    expect(third.ledgerBytes).toEqual({ "2026-08-11": 10_000, "2026-08-12": 10_000 });
    expect(fourth.budget).toEqual({ day: "2026-08-12", shares: { cost_data_standard: 0.1 } });
  });
});
