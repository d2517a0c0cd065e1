import { fxStep } from "./fx-step.ts";
import type { RunOutcome } from "./outcome.ts";
import { priceBookStep } from "./price-book-step.ts";
import type { RunResult, StepDocument } from "./run.ts";
import type { RunSession } from "./session.ts";
import type { StepProduct } from "./step-product.ts";
import type { StepInput } from "./step-work.ts";

export type PlatformStep = (input: StepInput, session: RunSession, signal: AbortSignal) => Promise<StepProduct>;

/** Steps that write documents of the platform themselves, each safe to run twice, instead of rows that are published. */
export const platformSteps: Readonly<Record<string, PlatformStep>> = {
  "fx.rates": fxStep,
  "prices.release": priceBookStep,
};

/** Accounts for a run of the platform, whose steps have stored what they found: nothing is left to publish. */
export async function concludePlatform(
  steps: readonly StepDocument[],
  { claim: { run } }: Pick<RunSession, "claim">,
): Promise<RunOutcome> {
  const daysOf = (which: "added" | "unchanged"): string[] =>
    [...new Set(steps.flatMap(({ stored }) => stored?.[which] ?? []))].sort();
  const { start, end } = run.range;
  const result: RunResult = {
    rows: steps.reduce((sum, { rows }) => sum + rows, 0),
    batches: 0,
    publishedDays: run.dryRun ? [] : daysOf("added"),
    unchangedDays: daysOf("unchanged").filter((day) => day >= start && day <= end),
    restatedDays: [],
    supersededDays: [],
    heldDays: [],
    quarantinedDays: [],
    totals: {},
  };
  const warnings = steps.flatMap((step) => step.warnings);
  const found = steps.flatMap((step) => step.findings);
  const reason = run.dryRun ? "dry run" : "stored";
  return { ending: { status: "COMPLETED", reason, result, warnings, findings: found } };
}
