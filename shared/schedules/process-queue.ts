import { type Static, Type } from "@sinclair/typebox";
import { admitWaiting } from "#shared/pipelines/admission.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { runPath } from "#shared/pipelines/run-paths.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { liveRuns, queueStateOf } from "./live-runs.ts";

const text = nullable(Type.String());

export const ProcessQueueReport = strictObject({
  processed: Type.Boolean(),
  processed_count: Type.Integer({ minimum: 0 }),
  started_pipelines: Type.Array(
    strictObject({ pipeline_logging_id: Type.String(), org_slug: Type.String(), pipeline_id: Type.String() }),
  ),
  elapsed_seconds: Type.Number({ minimum: 0 }),
  pipeline_logging_id: text,
  org_slug: text,
  pipeline_id: text,
  status: Type.String(),
  message: Type.String(),
});
export type ProcessQueueReport = Static<typeof ProcessQueueReport>;

type Started = ProcessQueueReport["started_pipelines"][number];

const mostRuns = 100;
const workMilliseconds = 50_000;

/**
 * Lets runs in that wait for a slot: one of each organization in turn, within one by priority and age, so that nobody waits
 * for anybody else's runs. At most 100 runs or 50 s.
 */
export async function processQueue(
  effects: Effects<ProcessQueueReport>,
  ports: ReservePorts,
): Promise<ProcessQueueReport> {
  const begun = ports.clock.now().getTime();
  const elapsed = (): number => Math.max(0, ports.clock.now().getTime() - begun);
  let orgs = await waitingOrganizations(ports);
  const admitted: { orgKey: string; runId: string }[] = [];
  while (orgs.length > 0 && admitted.length < mostRuns && elapsed() < workMilliseconds) {
    const still: string[] = [];
    for (const orgKey of orgs.slice(0, mostRuns - admitted.length)) {
      const [runId] = await admitWaiting(orgKey, ports, 1);
      if (runId === undefined) continue;
      admitted.push({ orgKey, runId });
      still.push(orgKey);
    }
    orgs = still;
  }
  const report = await reportOf(admitted, elapsed() / 1000, ports);
  return effects.commit(async (change) => {
    await effects.prepare(change);
    effects.conclude(change, report, { resourceId: "queue", details: { processed_count: report.processed_count } });
    return report;
  });
}

async function waitingOrganizations(ports: ReservePorts): Promise<string[]> {
  const orgs = new Set<string>();
  for await (const runs of liveRuns(ports.documents)) {
    for (const run of runs) if (queueStateOf(run) === "QUEUED") orgs.add(run.org.key);
  }
  return [...orgs];
}

async function reportOf(
  admitted: readonly { orgKey: string; runId: string }[],
  elapsedSeconds: number,
  ports: ReservePorts,
): Promise<ProcessQueueReport> {
  const runs = await ports.documents.getAll<RunDocument>(admitted.map(({ orgKey, runId }) => runPath(orgKey, runId)));
  const started = runs.flatMap(({ body }): Started[] =>
    body === undefined
      ? []
      : [{ pipeline_logging_id: body.runId, org_slug: body.org.slug, pipeline_id: body.pipelineId }],
  );
  const last = started.at(-1);
  return {
    processed: started.length > 0,
    processed_count: started.length,
    started_pipelines: started,
    elapsed_seconds: elapsedSeconds,
    pipeline_logging_id: last?.pipeline_logging_id ?? null,
    org_slug: last?.org_slug ?? null,
    pipeline_id: last?.pipeline_id ?? null,
    status: started.length > 0 ? "PROCESSING" : "IDLE",
    message: started.length > 0 ? `${started.length} runs were let in.` : "Nothing waits that a slot is free for.",
  };
}
