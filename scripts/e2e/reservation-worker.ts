import type { OrgIdentity } from "#shared/access/caller.ts";
import { addDays } from "#shared/pipelines/range.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import { type RunAnswer, type RunRequest, triggerRun } from "#shared/pipelines/trigger.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { firestoreDocuments } from "#shared/platform/documents/firestore-documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { type AuditEntry, commitChange } from "#shared/runtime/change.ts";
import type { AuditDetails, Effects } from "#shared/runtime/declaration.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { noMetrics } from "#shared/runtime/metrics.ts";

/** What one process is to do: its share of many requests for different days. */
export interface ReservationWork {
  projectId: string;
  org: OrgIdentity;
  /** Newest day that any request covers, `YYYY-MM-DD`. */
  lastDay: string;
  /** Which of all requests: `first`, `first + step`, ... below `count`. */
  first: number;
  step: number;
  count: number;
}

/** How many requests ended in which way: `admitted`, `duplicate`, `QUOTA_EXCEEDED daily`, or any other error's text. */
export type ReservationTally = Record<string, number>;

const longestRangeDays = 31;

process.once("message", async (work: ReservationWork) => {
  const documents = firestoreDocuments({
    projectId: work.projectId,
    declared: async () => declareQueries(await configFile("documents/indexes.yml")),
  });
  const ports = { documents, topics: inProcessTopics(), clock: systemClock, ids: systemIds, metrics: noMetrics };
  const pipeline = (await pipelines()).byAddress("openai/cost/usage_cost");
  const effects: Effects<RunAnswer> = {
    commit: (body) => commitChange(body, ports),
    prepare: async () => {},
    conclude: (change, _answer, details) => change.audit(auditOf(work.org, details)),
  };
  const trigger = async (body: RunRequest): Promise<string> => {
    const caller = { kind: "root" as const, credentialId: "root" as const };
    const fixed = { caller, query: {}, requestId: "req_test", claimedUser: undefined, traceparent: undefined };
    const reply = await triggerRun({ org: work.org, pipeline, body, ...fixed }, effects, ports);
    return reply.body.duplicate ? "duplicate" : "admitted";
  };

  await documents.get(`orgs/${work.org.key}`);
  process.send?.("ready");
  process.once("message", async () => {
    const tally: ReservationTally = {};
    const requests = [];
    for (let at = work.first; at < work.count; at += work.step)
      requests.push(trigger(rangeAt(at, work.lastDay)).catch(nameOf));
    for (const outcome of await Promise.all(requests)) tally[outcome] = (tally[outcome] ?? 0) + 1;
    await documents.close();
    process.send?.(tally, () => process.disconnect());
  });
});

function auditOf(org: OrgIdentity, details: AuditDetails = {}): AuditEntry {
  return {
    org,
    actorKind: "root",
    apiKeyId: null,
    action: "run.requested",
    operation: "EXECUTE",
    resourceType: "run",
    resourceId: details.resourceId ?? null,
    details: details.details ?? null,
    ipAddress: null,
    userAgent: null,
    requestId: "req_test",
    status: "SUCCESS",
    errorMessage: null,
  };
}

/** A different range of days for every number. */
function rangeAt(at: number, lastDay: string): RunRequest {
  const end = addDays(lastDay, -Math.floor(at / longestRangeDays));
  return { start_date: addDays(end, -(at % longestRangeDays)), end_date: end };
}

function nameOf(error: unknown): string {
  if (isAppError(error, "QUOTA_EXCEEDED")) return `QUOTA_EXCEEDED ${String(error.extra["quota"])}`;
  return String(error);
}
