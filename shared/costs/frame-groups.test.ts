import pl from "nodejs-polars";
import { describe, expect, it } from "vitest";
import { addedGroups, type Group, monthGroups, type Selection } from "./frame-groups.ts";
import type { FrameKey } from "./month-frame.ts";
import type { MonthSource, SumsByKey } from "./month-source.ts";
import { amountNames, nativeNames } from "./sums.ts";

const everything: Selection = { start: "2026-01-01", end: "2026-12-31", filters: {} };

/** A month with one row on each of its three days, of 1, 2 and 4 (in their own currency ten times that). */
function monthOf(): MonthSource & { frames: () => number; names: () => string[] } {
  const known = new Map<string, readonly SumsByKey[]>();
  let frames = 0;
  const amounts = (times: number) =>
    pl.Series(
      "",
      [1, 2, 4].map((amount) => String(amount * times)),
      pl.Utf8,
    );
  const decimals = (names: readonly string[], times: number) =>
    names.map((name) => amounts(times).cast(pl.Decimal(38, 12)).alias(name));
  const frame = pl.DataFrame([
    pl
      .Series("day", ["2026-03-01", "2026-03-02", "2026-03-03"], pl.Utf8)
      .str.strptime(pl.Date, "%Y-%m-%d")
      .alias("day"),
    pl.Series("provider", ["gcp", "gcp", "openai"], pl.Utf8),
    pl.Series("entity", ["a", "b", "b"], pl.Utf8),
    ...decimals(amountNames, 1),
    ...decimals(nativeNames, 10),
    pl.Series("rows", [1, 1, 1], pl.Int64),
  ]);
  return {
    first: "2026-03-01",
    last: "2026-03-03",
    frame: async () => {
      frames++;
      return { frame, bytes: 1 };
    },
    groups: async (name, make) => {
      const groups = known.get(name) ?? (await make());
      known.set(name, groups);
      return groups;
    },
    frames: () => frames,
    names: () => [...known.keys()],
  };
}

function shown(groups: readonly Group<FrameKey>[] | readonly Group<"provider">[]): [string, string][] {
  return groups.map(({ key, sums }): [string, string] => [key.provider, String(sums.effective)]).sort();
}

describe("monthGroups", () => {
  it("takes no frame for groups that it knows, and the same ones for every range that holds the month", async () => {
    const month = monthOf();

    const first = await monthGroups(month, everything, { keys: ["provider"] });
    const narrower = { start: "2026-03-01", end: "2026-03-03", filters: {} };
    const again = await monthGroups(month, narrower, { keys: ["provider"] });

    expect(shown(first)).toEqual([
      ["gcp", "3"],
      ["openai", "4"],
    ]);
    expect(again).toBe(first);
    expect(month.frames()).toBe(1);
  });

  it.each([
    ["a later start", { start: "2026-03-02" }, { gcp: "2", openai: "4" }],
    ["an earlier end", { end: "2026-03-02" }, { gcp: "3" }],
    ["a filter", { filters: { providers: ["openai"] } }, { openai: "4" }],
    ["entities", { entities: ["b"] }, { gcp: "2", openai: "4" }],
    ["no entity at all", { entities: [] }, {}],
  ])("never answers %s with the groups of another choice", async (_what, changed, expected) => {
    const month = monthOf();
    await monthGroups(month, everything, { keys: ["provider"] });

    const groups = await monthGroups(month, { ...everything, ...changed }, { keys: ["provider"] });

    expect(Object.fromEntries(shown(groups))).toEqual(expected);
    expect(month.names()).toHaveLength(2);
  });

  it("never answers sums in the rows' own currency with converted ones, nor other keys", async () => {
    const month = monthOf();

    const converted = await monthGroups(month, everything, { keys: ["provider"] });
    const native = await monthGroups(month, everything, { keys: ["provider"], isNative: true });
    const byDay = await monthGroups(month, everything, { keys: ["provider", "day"] });

    expect([shown(converted)[0], shown(native)[0]]).toEqual([
      ["gcp", "3"],
      ["gcp", "30"],
    ]);
    expect(byDay.map(({ key }) => key.day).sort()).toEqual(["2026-03-01", "2026-03-02", "2026-03-03"]);
  });
});

describe("addedGroups", () => {
  it("adds groups of equal keys and leaves the parts as they were", async () => {
    const part = await monthGroups(monthOf(), everything, { keys: ["provider"] });

    const added = addedGroups([part, part, part]);

    expect(shown(added)).toEqual([
      ["gcp", "9"],
      ["openai", "12"],
    ]);
    expect(shown(part)[0]).toEqual(["gcp", "3"]);
  });
});
