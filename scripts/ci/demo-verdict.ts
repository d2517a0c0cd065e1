import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";

/** What `npm run demo -- --json` prints, as far as it is judged. Amounts are decimal text in the one currency of the demo. */
export interface DemoDocument {
  quota: { pipelines_run_today: number; pipelines_succeeded_today: number; concurrent_pipelines_running: number };
  runs: { pipeline_id: string; status: string; result: { totals: Record<string, { billed: string }> } | null }[];
  summary: { total_billed_cost: string; total_cost: string; breakdown_by_provider: { total_cost: string }[] };
  imported: { rows: number; billed_cost: string; effective_cost: string };
}

/** Every way in which a demo did not tell one consistent story, to the last digit; none when it did. */
export function demoProblems({ quota, runs, summary, imported }: DemoDocument): string[] {
  const billed = (run: DemoDocument["runs"][number] | undefined): string[] =>
    Object.values(run?.result?.totals ?? {}).map((totals) => totals.billed);
  const groups = summary.breakdown_by_provider.map(({ total_cost }) => total_cost);
  const wanted = ["openai-cost-usage-cost", "anthropic-usage-cost", "focus-cost-import"];
  const importRun = runs.find(({ pipeline_id }) => pipeline_id === "focus-cost-import");
  return [
    ...wanted.filter((id) => !runs.some((run) => run.pipeline_id === id)).map((id) => `${id} did not run`),
    ...runs.filter(({ status }) => status !== "COMPLETED").map((run) => `${run.pipeline_id} ended ${run.status}`),
    ...unequal("billed cost of the runs", runs.flatMap(billed), summary.total_billed_cost),
    ...unequal("billed cost of the import", billed(importRun), imported.billed_cost),
    ...unequal("cost of the providers", groups, summary.total_cost),
    ...(imported.rows > 0 ? [] : ["nothing was imported"]),
    ...(quota.pipelines_run_today === runs.length ? [] : [`quota counts ${quota.pipelines_run_today} runs`]),
    ...(quota.pipelines_succeeded_today === runs.length ? [] : ["quota does not count every success"]),
    ...(quota.concurrent_pipelines_running === 0 ? [] : ["a slot is still taken"]),
  ];
}

function unequal(what: string, parts: readonly string[], total: string): string[] {
  const sum = sumAmounts(parts.map(parseAmount));
  return sum.eq(parseAmount(total)) ? [] : [`${what} adds up to ${amountText(sum)}, not to ${total}`];
}
