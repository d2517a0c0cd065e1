import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { processRun } from "./engine.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { newRun, writeRun } from "./new-run.ts";
import { noCredentialId } from "./own-pipelines.ts";
import { parameterValues } from "./parameters.ts";
import type { Pipeline } from "./pipeline.ts";
import { addDays, type DayRange } from "./range.ts";
import { pipelines } from "./registry.ts";
import type { ActiveRunDocument, RunDocument } from "./run.ts";
import { RunMessage, type RunRequestMessage, RunRequestMessage as RunRequestSchema } from "./run-message.ts";
import { activeRunKey, activeRunPath, runPath } from "./run-paths.ts";

/** What a processor of the platform's own pipelines is sent. */
export const OwnRunMessage = Type.Union([RunMessage, RunRequestSchema]);
export type OwnRunMessage = Static<typeof OwnRunMessage>;

/** Works on the run that a message names, or makes the runs that it asks for. */
export async function takeOwnRunMessage(message: OwnRunMessage, ports: EnginePorts): Promise<void> {
  if (message.kind === "run.request") await startRequestedRuns(message, ports);
  else await processRun(message, ports);
}

/** A run keeps facts of each of its days in few documents: longer ranges are several runs. */
const longestRangeDays = 366;
/** Runs of the same days that may be under way at once, the last of them not begun. */
const mostAtOnce = 4;

/**
 * Makes the runs from a day to today that a change of what a pipeline reads asks for (T1 of `pipelines.md` 6), not
 * counted. A run of the same days that has not begun will see the change and is enough; one that has begun may have
 * missed it, so another follows. The fence keeps the earlier one from overwriting what the later has published.
 */
export async function startRequestedRuns(message: RunRequestMessage, ports: EnginePorts): Promise<void> {
  const pipeline = (await pipelines()).byAddress(message.pipeline_id);
  if (!pipeline.config.enabled) return;
  await commitChange(async (change) => {
    const { body: org, readAt } = await change.get<OrgDocument>(orgPath(message.org));
    if (org?.state !== "ACTIVE") return;
    const identity = { slug: org.slug, key: message.org, orgId: org.orgId };
    const today = readAt.toISOString().slice(0, 10);
    const earliest = addDays(today, -pipeline.window.historyDays);
    const ranges = yearsOf({ start: message.from < earliest ? earliest : message.from, end: today });
    const free = await Promise.all(ranges.map((range) => freeKey(identity, pipeline, range, change)));
    for (const [at, range] of ranges.entries()) {
      const activeKey = free[at];
      if (activeKey !== undefined)
        write({ org: identity, pipeline, range, activeKey, message, now: readAt }, ports, change);
    }
  }, ports);
}

function yearsOf({ start, end }: DayRange): DayRange[] {
  const ranges: DayRange[] = [];
  for (let day = start; day <= end; ) {
    const last = addDays(day, longestRangeDays - 1);
    ranges.push({ start: day, end: last < end ? last : end });
    day = addDays(last, 1);
  }
  return ranges;
}

/** The guard under which the run can be made; undefined where one that has not begun stands already. */
async function freeKey(
  org: OrgIdentity,
  pipeline: Pipeline,
  range: DayRange,
  change: Change,
): Promise<string | undefined> {
  const first = activeRunKey(pipeline.config.id, noCredentialId, range);
  const keys = Array.from({ length: mostAtOnce }, (_, at) => (at === 0 ? first : `${first}~${at}`));
  const active = await change.getAll<ActiveRunDocument>(keys.map((key) => activeRunPath(org.key, key)));
  const standing = active.flatMap(({ body }) => (body === undefined ? [] : [runPath(org.key, body.runId)]));
  const runs = standing.length === 0 ? [] : await change.getAll<RunDocument>(standing);
  if (runs.some(({ body }) => body?.claims === 0)) return undefined;
  const at = active.findIndex(({ body }) => body === undefined);
  if (at >= 0) return keys[at];
  throw new AppError("RUNS_UNDER_WAY", "Too many runs of these days are under way.", { retryable: true });
}

function write(
  asked: {
    org: OrgIdentity;
    pipeline: Pipeline;
    range: DayRange;
    activeKey: string;
    message: RunRequestMessage;
    /** The store's clock, by which the run's deadline will be judged. */
    now: Date;
  },
  ports: EnginePorts,
  change: Change,
): void {
  const { org, pipeline, range, activeKey, message, now } = asked;
  const caller: Caller = { kind: "platform", credentialId: pipeline.config.id };
  const run = newRun(
    {
      ...{ org, caller, pipeline, range },
      triggerType: "system",
      triggerBy: message.reason,
      forceRefresh: false,
      parameters: parameterValues(pipeline.config.parameters, {}),
      claimedUser: undefined,
      traceparent: undefined,
    },
    { runId: ports.ids.newId("run"), credentialId: noCredentialId, activeKey },
    { unit: null, start: "published", now },
  );
  writeRun(run, undefined, change);
}
