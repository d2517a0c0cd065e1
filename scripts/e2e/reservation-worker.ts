import { once } from "node:events";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { addDays } from "#shared/pipelines/range.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunAnswer, RunRequest } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
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

/** One process' share of many requests for different days: `first`, `first + step`, ... below `count`. */
export interface ReservationWork {
  projectId: string;
  org: OrgIdentity;
  /** Newest day that any request covers, `YYYY-MM-DD`. */
  lastDay: string;
  first: number;
  step: number;
  count: number;
}

/** How many requests ended in which way: `admitted`, `duplicate`, `QUOTA_EXCEEDED daily`, or any other error's text. */
export type ReservationTally = Record<string, number>;

/** What a worker says of its work: ready for it with an empty tally, then done. */
export interface ReservationNews {
  projectId: string;
  tally: ReservationTally;
}

const longestRangeDays = 31;

// A process that is warm before the word is given, as an instance is that has served before.
const pipeline = (await pipelines()).byAddress("openai/cost/usage_cost");
for (;;) {
  const [work] = (await once(process, "message")) as [ReservationWork];
  const documents = firestoreDocuments({
    projectId: work.projectId,
    declared: async () => declareQueries(await configFile("documents/indexes.yml")),
  });
  await documents.get(`orgs/${work.org.key}`);
  tell({ projectId: work.projectId, tally: {} });
  await once(process, "message");
  const tally = await reserveAll(work, documents);
  await documents.close();
  tell({ projectId: work.projectId, tally });
}

function tell(news: ReservationNews): void {
  process.send?.(news);
}

async function reserveAll(
  work: ReservationWork,
  documents: ReturnType<typeof firestoreDocuments>,
): Promise<ReservationTally> {
  const ports = { documents, topics: inProcessTopics(), clock: systemClock, ids: systemIds, metrics: noMetrics };
  const effects: Effects<RunAnswer> = {
    commit: (body) => commitChange(body, ports),
    prepare: async () => {},
    conclude: (change, _answer, details) => change.audit(auditOf(work.org, details)),
    audit: (change, details) => change.audit(auditOf(work.org, details)),
  };
  const caller = { kind: "root" as const, credentialId: "root" as const };
  const fixed = { caller, query: {}, requestId: "req_test", claimedUser: undefined, traceparent: undefined };
  const trigger = async (body: RunRequest): Promise<string> => {
    try {
      const reply = await triggerRun({ org: work.org, pipeline, body, ...fixed }, effects, ports);
      return reply.body.duplicate ? "duplicate" : "admitted";
    } catch (error) {
      return isAppError(error, "QUOTA_EXCEEDED") ? `QUOTA_EXCEEDED ${String(error.extra["quota"])}` : String(error);
    }
  };
  const requests: Promise<string>[] = [];
  for (let at = work.first; at < work.count; at += work.step) requests.push(trigger(rangeAt(at, work.lastDay)));
  const tally: ReservationTally = {};
  for (const outcome of await Promise.all(requests)) tally[outcome] = (tally[outcome] ?? 0) + 1;
  return tally;
}

/** A different range of days for every number. */
function rangeAt(at: number, lastDay: string): RunRequest {
  const end = addDays(lastDay, -Math.floor(at / longestRangeDays));
  return { start_date: addDays(end, -(at % longestRangeDays)), end_date: end };
}

function auditOf(org: OrgIdentity, details: AuditDetails = {}): AuditEntry {
  return {
    org,
    actorKind: "root",
    apiKeyId: null,
    userId: null,
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
