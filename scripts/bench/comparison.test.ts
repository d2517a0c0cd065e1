import { describe, expect, it } from "vitest";
import { compared, median } from "./comparison.ts";

const about = { part: "requests", name: "x", unit: "ms" } as const;

describe("a comparison", () => {
  it("is the ratio of the medians, whatever the outliers", () => {
    const { ratio } = compared({
      ...about,
      subject: { name: "own", samples: [30, 900, 20] },
      yardstick: { name: "bare", samples: [10, 30, 20, 900] },
    });

    expect(ratio).toBe(30 / 25);
  });

  it.each([
    [{ atMost: 1.5 }, 15, true],
    [{ atMost: 1.5 }, 16, false],
    [{ atLeast: 0.5 }, 5, true],
    [{ atLeast: 0.5 }, 4, false],
  ])("with the aim %j says of %i against 10: %s", (aim, sample, isMet) => {
    const comparison = compared({
      ...about,
      aim,
      subject: { name: "own", samples: [sample] },
      yardstick: { name: "bare", samples: [10] },
    });

    expect(comparison.isMet).toBe(isMet);
  });

  it("refuses a median of nothing", () => {
    expect(() => median([])).toThrow("needs a sample");
  });
});
