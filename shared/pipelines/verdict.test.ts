import { describe, expect, it } from "vitest";
import type { DayPublication } from "#shared/ledger/ledger.ts";
import type { Failure } from "#shared/quality/expectation.ts";
import { parted } from "./verdict.ts";

function day(name: string, run: string): DayPublication {
  const batch = {
    id: `${run}-${name}`,
    table: "cost_data_standard",
    rows: 1,
    run,
    pulledAt: "2026-03-09T00:00:00.000Z",
  };
  return {
    source: "cred_1",
    day: name,
    state: "complete",
    pulledFence: 2,
    rows: 1,
    totals: { USD: ["1", "1"] },
    parts: { cost_data_standard: { batches: [batch], hash: name, rows: 1 } },
  };
}

function failure(of: Partial<Failure>): Failure {
  return {
    expectation: "rows",
    kind: "row_count_between",
    table: "cost_data_standard",
    severity: "error",
    source: null,
    day: null,
    observed: "1",
    bound: "2 or more",
    offending: [],
    ...of,
  };
}

describe("days of a run are held", () => {
  const kept = day("2026-03-01", "run_before");
  const [second, third] = [day("2026-03-02", "run_now"), day("2026-03-03", "run_now")];
  const days = [kept, second, third];

  it("all that it has pulled anew where the run as a whole fails, but none that stood before", () => {
    expect(parted(days, [failure({})], "run_now")).toEqual({ free: [kept], held: [second, third] });
  });

  it("only those that a failure names, and never for a warning", () => {
    const named = failure({ source: "cred_1", day: second.day });
    const mild = failure({ severity: "warn" });

    expect(parted(days, [named, mild], "run_now")).toEqual({ free: [kept, third], held: [second] });
    expect(parted(days, [failure({ source: "cred_2", day: third.day })], "run_now").held).toEqual([]);
  });
});
