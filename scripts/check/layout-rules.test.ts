import { describe, expect, it } from "vitest";
import { layoutFaults } from "./layout-rules.ts";

const wiring = `import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({});
`;

function problems(...sources: [path: string, text: string][]): string[] {
  return layoutFaults(sources.map(([path, text]) => ({ path, text }))).map(
    ({ path, line, problem }) => `${path}:${line ?? ""} ${problem}`,
  );
}

describe("layout rules", () => {
  it("accept wiring, rooms and tests", () => {
    const faults = problems(
      ["functions/costs/cost-summary.ts", wiring],
      ["functions/costs/costs.test.ts", "if (x) {}\n".repeat(300)],
      ["shared/costs/summary.ts", "if (x) {}\n"],
    );

    expect(faults).toEqual([]);
  });

  it.each([
    ["a branch", wiring.replace("({})", "({ handle: () => { if (a) b(); } })"), ":3 decides something"],
    ["too many lines", `${wiring}${"// x\n".repeat(60)}`, "lines: a function file is wiring"],
    ["no declaration", "export default {};\n", ":1 has no default export made by"],
    ["another default export", "export default makeFunction({});\n", "has no default export made by"],
  ])("refuse a function file with %s", (_, text, problem) => {
    expect(problems(["functions/costs/cost-summary.ts", text]).join("\n")).toContain(problem);
  });

  it.each(["functions/cost-summary.ts", "functions/costs/reads/cost-summary.ts"])(
    "refuse %s: not in the folder of an area",
    (path) => {
      expect(problems([path, wiring]).join("\n")).toContain("stands in the folder of its area");
    },
  );

  it("refuse two functions of one name, whatever their areas", () => {
    expect(problems(["functions/costs/quota.ts", wiring], ["functions/usage/quota.ts", wiring])).toEqual([
      "functions/usage/quota.ts: is named like functions/costs/quota.ts: names are unique over all areas",
    ]);
  });

  it.each([
    "shared/utils/money.ts",
    "shared/costs/helpers/sums.ts",
    "shared/common/a.ts",
    "scripts/types/b.ts",
    "shared/costs/index.ts",
  ])("refuse the place %s", (path) => {
    expect(problems([path, ""])).toHaveLength(1);
  });

  it.each(["TO", "FIX"])("refuse promises (%s...)", (start) => {
    const word = start + (start === "TO" ? "DO" : "ME");

    expect(problems(["shared/costs/a.ts", `const a = 1;\n// ${word}: later\n`])).toEqual([
      "shared/costs/a.ts:2 promises work instead of doing it",
    ]);
  });
});
