import { describe, expect, it } from "vitest";
import { type DemoDocument, demoProblems } from "./demo-verdict.ts";

function run(pipeline_id: string, billed: string, status = "COMPLETED"): DemoDocument["runs"][number] {
  return { pipeline_id, status, result: { totals: { USD: { billed } } } };
}

function demo(changes: Partial<DemoDocument> = {}): DemoDocument {
  return {
    quota: { pipelines_run_today: 3, pipelines_succeeded_today: 3, concurrent_pipelines_running: 0 },
    runs: [
      run("openai-cost-usage-cost", "1.10"),
      run("anthropic-usage-cost", "2.0000008"),
      run("focus-cost-import", "-0.5"),
    ],
    summary: {
      total_billed_cost: "2.6000008",
      total_cost: "2.5",
      breakdown_by_provider: [{ total_cost: "3" }, { total_cost: "-0.5" }],
    },
    imported: { rows: 2, billed_cost: "-0.50", effective_cost: "-0.50" },
    ...changes,
  };
}

describe("the verdict on a demo", () => {
  it("finds nothing where every figure fits", () => {
    expect(demoProblems(demo())).toEqual([]);
  });

  it("sees a total that differs in the last digit", () => {
    const { summary } = demo();

    const problems = demoProblems(demo({ summary: { ...summary, total_billed_cost: "2.6000009" } }));

    expect(problems).toEqual(["billed cost of the runs adds up to 2.6000008, not to 2.6000009"]);
  });

  it("names a run that failed and one that is missing", () => {
    const runs = [run("openai-cost-usage-cost", "1.10", "FAILED"), run("focus-cost-import", "-0.5")];

    const problems = demoProblems(demo({ runs }));

    expect(problems).toContain("anthropic-usage-cost did not run");
    expect(problems).toContain("openai-cost-usage-cost ended FAILED");
  });

  it("sees a provider left out, an empty import and a slot that stayed", () => {
    const { summary } = demo();

    const problems = demoProblems(
      demo({
        summary: { ...summary, breakdown_by_provider: [{ total_cost: "3" }] },
        imported: { rows: 0, billed_cost: "0", effective_cost: "0" },
        quota: { pipelines_run_today: 2, pipelines_succeeded_today: 2, concurrent_pipelines_running: 1 },
      }),
    );

    expect(problems).toEqual([
      "billed cost of the import adds up to -0.5, not to 0",
      "cost of the providers adds up to 3, not to 2.5",
      "nothing was imported",
      "quota counts 2 runs",
      "quota does not count every success",
      "a slot is still taken",
    ]);
  });
});
