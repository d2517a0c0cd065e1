import { chargeRow } from "#scripts/e2e/charges.fixture.ts";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import type { RunMessage } from "#shared/pipelines/run-message.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import type { SubscribableTopics } from "#shared/platform/topics/topics.ts";
import { openai } from "#shared/providers/openai/openai.ts";
import type { ProviderAdapter, PullContext, Pulled } from "#shared/providers/provider.ts";

/** How many organizations, and how many sources each of them pulls at once. */
export interface FanOutSize {
  organizations: number;
  sources: number;
}

export interface FanOutReport {
  runs: number;
  orgs: OrgIdentity[];
  /** Seconds until every message was handled. */
  seconds: number;
  messagesPerSecond: number;
  /** MiB of resident memory after each tenth of the runs. */
  memory: number[];
}

export const day = "2026-08-08";
const policy = {
  ackDeadlineSeconds: 600,
  minimumBackoffSeconds: 10,
  maximumBackoffSeconds: 600,
  maximumDeliveries: 10,
};
const nothing = { rows: {}, findings: [], warnings: [] };

/** A provider that answers at once: what is measured is ours. */
const prompt: ProviderAdapter = {
  ...openai,
  processors: { "openai.costs": complete, "openai.usage": complete },
  focusRows: async ({ accountId, days }) => ({
    ...nothing,
    days,
    rows: {
      cost_data_standard: Object.keys(days).map((each) => chargeRow({ day: each, billed: "12.34", id: accountId })),
    },
  }),
};

async function complete({ days }: PullContext): Promise<Pulled> {
  return { ...nothing, days: Object.fromEntries(days.map((each) => [each, "complete" as const])) };
}

/** The embedded platform with so many organizations; the caller stops it. */
export async function fanOutWorld(size: FanOutSize): Promise<{ world: World; orgs: OrgIdentity[] }> {
  const world = await startWorld();
  const orgs: OrgIdentity[] = [];
  for (let at = 0; at < size.organizations; at++) {
    const { org } = await world.onboarded(`fanout_${at}`);
    for (let source = 0; source < size.sources; source++) {
      const request = { credential: `sk-admin-sim-fanout${at}s${source}`, credential_name: `source ${source}` };
      const effects = plainEffects<SetupAnswer>(world.ports);
      await setUpIntegration({ org, provider: "openai", request }, effects, world.ports);
    }
    orgs.push(org);
  }
  return { world, orgs };
}

/** Triggers every source of every organization and works until the topics are empty. */
export async function fanOut(
  { world, orgs }: { world: World; orgs: OrgIdentity[] },
  size: FanOutSize,
): Promise<FanOutReport> {
  const runs = size.organizations * size.sources;
  const topics: SubscribableTopics = inProcessTopics({});
  world.ports.topics = topics;
  const memory: number[] = [];
  let handled = 0;
  topics.subscribe("pipeline-openai", policy, async ({ payload }) => {
    await processRun(payload as RunMessage, world.ports, { adapterOf: () => prompt });
    handled += 1;
    if (handled % Math.ceil(runs / 10) === 0) memory.push(Math.round(process.memoryUsage().rss / 2 ** 20));
  });
  const began = performance.now();
  for (const org of orgs) await world.trigger(org, { date: day });
  await topics.idle();
  const seconds = (performance.now() - began) / 1000;
  return { runs, orgs, seconds, messagesPerSecond: handled / seconds, memory };
}
