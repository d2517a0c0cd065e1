import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Totals } from "#shared/ledger/ledger.ts";
import type { DayState, Finding } from "#shared/providers/provider.ts";
import type { QuotaUnit } from "#shared/quotas/quota.ts";
import type { PipelineConfig } from "./pipeline.ts";
import type { DayRange } from "./range.ts";

export const runStatuses = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"] as const;
export type RunStatus = (typeof runStatuses)[number];

export type TriggerType = "api" | "import";

/** Document `orgs/{key}/runs/{runId}`: the truth of a run; messages are only wake-ups. */
export interface RunDocument {
  runId: string;
  org: OrgIdentity;
  pipelineId: string;
  provider: string;
  domain: string;
  pipeline: string;
  credentialId: string;
  status: RunStatus;
  triggerType: TriggerType;
  triggerBy: string;
  actor: string;
  claimedUser: string | null;
  range: DayRange;
  forceRefresh: boolean;
  /** What the trigger gave beyond dates, e.g. `import_id`. */
  parameters: Record<string, string>;
  /** Pinned at the start: executed as it stood, also after a deploy. */
  config: PipelineConfig;
  configDigest: string;
  unit: QuotaUnit;
  lease: { holder: string; expiresAt: string } | null;
  /** Of the (pipeline, credential): grows with every claim of it by any run. */
  fence: number;
  claims: number;
  /** Times a dead lease was taken over. */
  recoveries: number;
  /** Parked until then: a provider asked for a long wait. */
  wakeAt: string | null;
  cancel: { requestedAt: string; reason: string } | null;
  activeKey: string;
  createdAt: string;
  startedAt: string | null;
  endedAt: string | null;
  deadlineAt: string;
  stepsDone: number;
  transitions: number;
  stateSince: string;
  warnings: string[];
  findings: Finding[];
  result: RunResult | null;
  error: RunError | null;
}

export interface RunResult {
  rows: number;
  batches: number;
  publishedDays: string[];
  unchangedDays: string[];
  restatedDays: string[];
  supersededDays: string[];
  /** Of what the run published or found unchanged. */
  totals: Totals;
}

/** Why a run failed, as people read it (`pipelines.md` 10). */
export interface RunError {
  type: "TRANSIENT" | "PERMANENT" | "TIMEOUT" | "VALIDATION_ERROR" | "DEPENDENCY_FAILURE" | "UNKNOWN";
  code: string;
  fault: "provider" | "customer" | "platform" | "data";
  isRetryable: boolean;
  retryCount: number;
  retryAfterSeconds: number | null;
  providerStatus: number | null;
  stepId: string | null;
  message: string;
  suggestedAction: string;
}

export type StepStatus = "PENDING" | "RUNNING" | "WAITING" | "COMPLETED" | "FAILED" | "CANCELLED" | "SKIPPED";

/** Document `.../runs/{runId}/steps/{n}`. */
export interface StepDocument {
  stepLoggingId: string;
  stepId: string;
  processor: string;
  index: number;
  status: StepStatus;
  attempts: number;
  startedAt: string | null;
  endedAt: string | null;
  rows: number;
  providerCalls: number;
  /** State of each day by source, once the step is done. */
  sources: SourceDays;
  /** Fence under which the step's rows were pulled: what the ledger compares. */
  pulledFence: number;
  /** Batch ids of the attempt that completed: what earlier attempts wrote is not published. */
  parts: string[];
  warnings: string[];
  findings: Finding[];
  error: RunError | null;
}

export type PartState = "REGISTERED" | "LOADED";

/** Document `.../runs/{runId}/parts/{batchId}`: rows of whole days of one table, written as one batch. */
export interface PartDocument {
  batchId: string;
  stepId: string;
  /** The credential, or `credential/part`. */
  source: string;
  table: string;
  state: PartState;
  rows: number;
  contentHash: string;
  pulledAt: string;
  days: Record<string, DayFacts>;
}

/** What the publication of one day of one part needs. */
export interface DayFacts {
  /** Content hash of the day's rows in this part. */
  hash: string;
  rows: number;
  totals: Totals;
}

/** State of each UTC day by source. */
export type SourceDays = Record<string, Record<string, DayState>>;

/** Document `runIndex/{runId}`: only while the run is not terminal; the sweeper looks at what is due. */
export interface RunIndexDocument {
  org: string;
  status: RunStatus;
  nextCheckAt: string;
  shard: number;
  publications: number;
}

/** Document `orgs/{key}/sources/{pipeline~credential}`. */
export interface SourceDocument {
  fence: number;
  lastSuccessAt: string | null;
  /** Last day up to which every day was published. */
  coveredThrough: string | null;
  failures: number;
}

/** Document `orgs/{key}/activeRuns/{...}`: the guard against the same run twice. */
export interface ActiveRunDocument {
  runId: string;
}

export function isTerminal(status: RunStatus): boolean {
  return status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";
}

/** Moves that exist; any other throws and is not committed (`pipelines.md` 7). */
const moves: Readonly<Record<RunStatus, readonly RunStatus[]>> = {
  PENDING: ["RUNNING", "FAILED", "CANCELLED"],
  RUNNING: ["RUNNING", "COMPLETED", "FAILED", "CANCELLED"],
  COMPLETED: [],
  FAILED: [],
  CANCELLED: [],
};

export function assertMove(from: RunStatus, to: RunStatus): void {
  if (!moves[from].includes(to)) throw new Error(`a run does not move from ${from} to ${to}`);
}
