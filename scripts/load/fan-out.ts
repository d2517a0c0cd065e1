import { chargeRow } from "#scripts/e2e/charges.fixture.ts";
import type { World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import type { RunMessage } from "#shared/pipelines/run-message.ts";
import { runPath } from "#shared/pipelines/run-paths.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import type { SubscribableTopics } from "#shared/platform/topics/topics.ts";
import { openai } from "#shared/providers/openai/openai.ts";
import type { ProviderAdapter, PullContext, Pulled } from "#shared/providers/provider.ts";
import type { FanOutSize, LoadWorld } from "./load-world.ts";
import { type Spread, spreadOf } from "./spread.ts";

export interface FanOutReport {
  runs: number;
  /** Seconds from the first trigger until every message was handled. */
  seconds: number;
  messagesPerSecond: number;
  /** Messages delivered and runs claimed, per run: 1 where nothing came twice. */
  deliveriesPerRun: number;
  claimsPerRun: number;
  /** A trigger of all sources of one organization, milliseconds. */
  trigger: Spread;
  /** Milliseconds; in a fan-out mostly the wait behind the others. */
  createdToClaimed: Spread;
  /** MiB of resident memory after each quarter of the runs. */
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

/** Triggers every source of every organization and works until the topics are empty. */
export async function fanOut({ world, orgs }: LoadWorld, size: FanOutSize): Promise<FanOutReport> {
  const runs = size.organizations * size.sources;
  const bus = busOf(world, runs);
  const began = performance.now();
  const started: Started[] = [];
  for (const org of orgs) started.push(await triggered(world, org, day));
  await bus.topics.idle();
  const seconds = (performance.now() - began) / 1000;
  return { ...(await reportOf(world, started, bus)), runs, seconds, messagesPerSecond: bus.deliveries() / seconds };
}

/** The same with one organization after the other, each when the one before is through: no run waits for another's. */
export async function oneByOne({ world, orgs }: LoadWorld, date: string): Promise<FanOutReport> {
  const bus = busOf(world, orgs.length);
  const began = performance.now();
  const started: Started[] = [];
  for (const org of orgs) {
    started.push(await triggered(world, org, date));
    await bus.topics.idle();
  }
  const seconds = (performance.now() - began) / 1000;
  const runs = started.reduce((sum, { runIds }) => sum + runIds.length, 0);
  return { ...(await reportOf(world, started, bus)), runs, seconds, messagesPerSecond: bus.deliveries() / seconds };
}

interface Bus {
  topics: SubscribableTopics;
  deliveries(): number;
  memory: number[];
}

function busOf(world: World, runs: number): Bus {
  const topics = inProcessTopics({ clock: world.ports.clock });
  world.ports.topics = topics;
  const memory: number[] = [];
  let delivered = 0;
  let handled = 0;
  topics.subscribe("pipeline-openai", policy, async ({ payload }) => {
    delivered += 1;
    await processRun(payload as RunMessage, world.ports, { adapterOf: () => prompt });
    handled += 1;
    if (handled % Math.ceil(runs / 4) === 0 || handled === runs)
      memory.push(Math.round(process.memoryUsage.rss() / 2 ** 20));
  });
  return { topics, memory, deliveries: () => delivered };
}

interface Started {
  org: OrgIdentity;
  runIds: string[];
  milliseconds: number;
}

async function triggered(world: World, org: OrgIdentity, date: string): Promise<Started> {
  const began = performance.now();
  const { runs } = await world.trigger(org, { date });
  return { org, runIds: runs.map(({ run_id }) => run_id), milliseconds: performance.now() - began };
}

async function reportOf({ ports }: World, started: readonly Started[], { memory, deliveries }: Bus) {
  const waits: number[] = [];
  let claims = 0;
  for (const { org, runIds } of started) {
    for (const { body } of await ports.documents.getAll<RunDocument>(runIds.map((id) => runPath(org.key, id)))) {
      if (body?.status !== "COMPLETED" || body.startedAt === null)
        throw new Error(`run ${body?.runId} ended as ${body?.status}: ${body?.error?.message}`);
      waits.push(Date.parse(body.startedAt) - Date.parse(body.createdAt));
      claims += body.claims;
    }
  }
  return {
    deliveriesPerRun: deliveries() / waits.length,
    claimsPerRun: claims / waits.length,
    trigger: spreadOf(started.map(({ milliseconds }) => milliseconds)),
    createdToClaimed: spreadOf(waits),
    memory,
  };
}
