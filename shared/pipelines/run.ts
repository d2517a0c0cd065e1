import type { OrgIdentity } from "#shared/access/caller.ts";
import type { BatchRef, DayPricing, Totals } from "#shared/ledger/ledger.ts";
import type { DayState, Finding } from "#shared/providers/provider.ts";
import type { Failure } from "#shared/quality/expectation.ts";
import type { QuotaUnit } from "#shared/quotas/quota.ts";
import type { PipelineConfig } from "./pipeline.ts";
import type { DayRange } from "./range.ts";

export const runStatuses = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"] as const;
export type RunStatus = (typeof runStatuses)[number];

export const triggerTypes = [
  "api",
  "scheduled",
  "catch_up",
  "backfill",
  "batch",
  "retry",
  "dependent",
  "import",
  "reprice",
  "external",
  "system",
] as const;
export type TriggerType = (typeof triggerTypes)[number];

/** A value that a trigger gives to a parameter of its pipeline. */
export type ParameterValue = string | number | boolean;

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
  /** Extracts, maps and checks in memory; writes no batch and publishes nothing. */
  dryRun: boolean;
  retryOf: string | null;
  /** What it is part of, where somebody made it for a larger whole. */
  backfillId: string | null;
  batchRunId: string | null;
  scheduleId: string | null;
  /** The period of its schedule, RFC 3339 UTC; absent where there is none. */
  scheduledFor?: string;
  /** 1-10; the highest goes first where runs wait for a slot. */
  priority: number;
  /** Whether it waits for a slot, or its message is on its way. */
  queueState: "published" | "waiting_slot";
  /** What the trigger gave beyond dates, e.g. `import_id`. */
  parameters: Record<string, ParameterValue>;
  /** Pinned at the start: executed as it stood, also after a deploy. */
  config: PipelineConfig;
  configDigest: string;
  /** State `returned` also while it holds none yet, or never will. */
  unit: QuotaUnit;
  /** False where no provider is called and the pipeline says so: it takes neither unit nor slot. */
  isCounted: boolean;
  lease: { holder: string; expiresAt: string } | null;
  /** Of the (pipeline, credential): grows with every claim of it by any run. */
  fence: number;
  claims: number;
  /** Times a dead lease was taken over. */
  recoveries: number;
  /** Times it was handed on, because a process had worked long enough or a provider asked to wait. */
  continuations: number;
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
  /** Of closed months: written, kept for an adjustment. */
  heldDays: string[];
  /** Failed their expectations: written, not published. */
  quarantinedDays: string[];
  /** Published days that this run did not move and that a repricing would: their prices count what its days use. */
  repriceSuggested?: string[];
  /** Of what the run published or found unchanged. */
  totals: Totals;
  /** Only of a dry run. */
  preview?: PreviewDay[];
}

/** What a dry run would change: decimal text, billed. */
export interface PreviewDay {
  day: string;
  currency: string;
  currentTotal: string | null;
  newTotal: string;
  change: string;
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

export const stepStatuses = ["PENDING", "RUNNING", "WAITING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED"] as const;
export type StepStatus = (typeof stepStatuses)[number];

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
  /** The same by day where a long step was handed on: each day has the fence it was pulled under. */
  dayFences: Record<string, number>;
  /** By day, of steps that price usage or see what of it no charge stands for. */
  pricing?: Record<string, DayPricing>;
  /** Of pricing: published days behind the run's whose prices count what its days use. */
  countedOn?: string[];
  /** Only of steps of the platform. */
  stored?: StoredDays;
  /** Where a step goes on that was handed on. */
  checkpoint: unknown;
  /** Milliseconds it has worked, over all processes; waiting not counted. */
  workedMs: number;
  /** Batch ids of the attempt that completed: what earlier attempts wrote is not published. */
  parts: string[];
  warnings: string[];
  findings: Finding[];
  error: RunError | null;
}

/** UTC days that a step of the platform has stored, and those that stood like this before. */
export interface StoredDays {
  added: string[];
  unchanged: string[];
}

/**
 * How far the load of a part is. What has become of its days since stands where it is decided, once: published, held and
 * replaced ones in the ledger and its journal, quarantined ones in their quarantine, superseded ones in the run's result,
 * abandoned ones among the loose batches. `REMOVED`: nothing named its batch any more.
 */
export type PartState = "REGISTERED" | "LOADED" | "UNCHANGED" | "REMOVED";

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
  /** Of an unchanged part, by day: the published batches that hold these very rows. */
  kept?: Record<string, readonly BatchRef[]>;
  /** Of a repricing: whose days these are. */
  repriced?: { pipelineId: string; days: Record<string, RepricedFacts> };
}

/** What the publication of a day that was priced again needs. */
export interface RepricedFacts {
  /** What the day said when it was priced. */
  content: string;
  pricing: DayPricing;
  /** Rows by table, of the tables that stay. */
  standing: Record<string, number>;
}

/** What the publication of one day of one part needs. */
export interface DayFacts {
  /** Content hash of the day's rows in this part. */
  hash: string;
  rows: number;
  totals: Totals;
}

/** Document `.../runs/{runId}/quality/{table}`: what the checks of one table said of the batches they were made on. */
export interface QualityDocument {
  resultId: string;
  table: string;
  configId: string;
  executedAt: string;
  passed: number;
  failed: number;
  failures: Failure[];
  status: "PASS" | "WARN" | "FAIL";
  /** Of the days and contents that were judged: a claim that finds the same ones does not judge again. */
  judged: string;
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
  /** Only while it waits for a slot. */
  waiting?: true;
}

/** Document `orgs/{key}/sources/{pipeline~credential}`. */
export interface SourceDocument {
  fence: number;
  lastSuccessAt: string | null;
  /** Last day up to which every day was published. */
  coveredThrough: string | null;
  /** Days that were published behind a gap; absent or null where there are none. */
  ahead?: DayRange | null;
  failures: number;
}

/** Document `orgs/{key}/activeRuns/{...}`: the guard against the same run twice. */
export interface ActiveRunDocument {
  runId: string;
}

export function isTerminal(status: RunStatus): boolean {
  return status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";
}

/** Times a run is taken over from a process that ended, at most. */
export const maximumRecoveries = 5;

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
