import { readConfiguration } from "#shared/runtime/config.ts";
import { responseProblems } from "#shared/runtime/schema.ts";
import type { CostSummaryQuery } from "./cost-query.ts";
import { pipelineOf } from "./golden-charges.fixture.ts";
import { type PlatformFacts, platformFacts } from "./platform-facts.ts";
import type { Stores } from "./publication.fixture.ts";
import { readSummary } from "./read-summary.ts";
import { CostSummary } from "./summary-schema.ts";

export const march = { start_date: "2026-03-01", end_date: "2026-03-04" };

const config = await readConfiguration({ ENVIRONMENT: "test" });

async function goldenFacts(): Promise<PlatformFacts> {
  const names: Record<string, string> = {
    gcp: "GCP",
    openai: "OpenAI",
    anthropic: "Anthropic",
    aws: "AWS",
    slack: "Slack",
  };
  const pipelines = new Map(
    ["gcp", "openai", "anthropic", "aws", "slack", "canva"].map((provider) => [
      pipelineOf(provider),
      { provider, expectedLagDays: 1, settlingDays: 7 },
    ]),
  );
  return { ...(await platformFacts()), pipelines, providerName: (id) => names[id] ?? id };
}

/** The answer, checked against its schema. */
export async function summary(from: Stores, query: CostSummaryQuery): Promise<CostSummary> {
  const answer = await readSummary({ org: from.org, query }, { ...from, config }, await goldenFacts());
  const problems = await responseProblems(CostSummary, JSON.parse(JSON.stringify(answer)));
  if (problems.length > 0) throw new Error(`the answer is not as declared: ${JSON.stringify(problems)}`);
  return answer;
}

/** The answer without what may differ between two answers to the same question. */
export function stable(answer: CostSummary): Omit<CostSummary, "cache_hit" | "query_time_ms" | "ledger_versions"> {
  const { cache_hit: _hit, query_time_ms: _time, ledger_versions: _versions, ...rest } = answer;
  return rest;
}
