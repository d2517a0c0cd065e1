import type { ProviderHttp } from "./provider-http.ts";
import type { ProviderEntry } from "./registry-schema.ts";
import type { StreamProcessor } from "./stream.ts";

/** What an account lets us see. Source: `providers.md` 1.4. */
export type CapabilityName = "billed_cost" | "usage" | "names" | "activity" | "balance" | "seats" | "import";

export interface Capability {
  status: "available" | "denied" | "unavailable";
  reason: string | null;
  /** The provider or credential that supplies it instead, e.g. gcp for gemini. */
  via: string | null;
}

export type Capabilities = Partial<Record<CapabilityName, Capability>>;

/** One validation call as people see it; `message` is scrubbed. */
export interface Check {
  name: string;
  outcome: "ok" | "denied" | "failed" | "skipped";
  http_status: number | null;
  message: string | null;
}

export interface LeastPrivilege {
  state: "ok" | "over_privileged" | "unknown";
  hints: string[];
}

/**
 * What a provider said about a credential. `rejected`: it refused (nothing may be stored); `unavailable`: no verdict,
 * no status may move because of it. `status` has a meaning only when accepted.
 */
export interface ValidationOutcome {
  outcome: "accepted" | "rejected" | "unavailable";
  status: "VALID" | "PARTIAL_VALID";
  capabilities: Capabilities;
  checks: Check[];
  accountId: string | null;
  message: string;
  leastPrivilege: LeastPrivilege;
  /** Set with `unavailable` when the provider said how long to wait. */
  retryAfterSeconds: number | null;
}

export interface ValidationContext {
  provider: ProviderEntry;
  credential: string;
  metadata: Record<string, unknown>;
  /** Made with `validationCalls` of `provider-http.ts`. */
  http: ProviderHttp;
  now: Date;
  signal: AbortSignal;
}

/** Something noticed that changed no number; one per code and path. Codes: `providers.md` 2.1. */
export interface Finding {
  code: string;
  path: string;
  count: number;
  first: string;
}

/** `partial`: the UTC day was not over; `empty`: the provider answered with nothing; `unavailable`: it did not answer for the day. */
export type DayState = "complete" | "partial" | "empty" | "unavailable";

/** A row as the tables define it, without the lineage block; decimals as text, instants as ISO 8601 UTC. */
export type Row = Record<string, unknown>;

export interface PullContext {
  provider: ProviderEntry;
  credential: string;
  credentialId: string;
  accountId: string;
  metadata: Record<string, unknown>;
  /** UTC days `YYYY-MM-DD`, in any order. */
  days: readonly string[];
  config: Record<string, unknown>;
  signal: AbortSignal;
  /** One object per run: look-ups that are made once per run are remembered by it. */
  http: ProviderHttp;
  now: Date;
  /** `next` of the call before, from this process or another; undefined at the first call. */
  checkpoint: unknown;
  /** True when this process has worked long enough: a long pull then answers what it has, with `next`. */
  isTimeUp?: () => boolean;
  /** How a person's id appears by the credential's `user_detail`: a pseudonym, itself, or null for nobody. */
  userRef?: (value: string) => Promise<string | null>;
}

export interface Pulled {
  /** Rows by table name. */
  rows: Record<string, Row[]>;
  /** Every day asked has a state. */
  days: Record<string, DayState>;
  findings: Finding[];
  warnings: string[];
  /**
   * Where to go on, JSON of at most 64 KiB, when the pull has stopped early: `rows` and `days` are then of the days that
   * are whole, and no later call may answer them again. Absent: the step is done.
   */
  next?: unknown;
}

/** One extracting step of a pipeline. Throws `AppError` with the codes of `pipelines.md` 10. */
export type PullProcessor = (context: PullContext) => Promise<Pulled>;

/** What `focus.rows` reads: the rows that earlier steps of the same run pulled. */
export interface FocusContext {
  provider: ProviderEntry;
  accountId: string;
  /** Name of the provider's account where it is known. */
  accountName: string | null;
  days: Record<string, DayState>;
  rows: Record<string, readonly Row[]>;
}

/** Raw rows of one run in, rows of `cost_data_standard` out; calls no provider. */
export type FocusProcessor = (context: FocusContext) => Promise<Pulled>;

/** The public face of a provider room. */
export interface ProviderAdapter {
  slug: string;
  /** Headers that carry the credential; they belong to `providerHttp` only. */
  authHeaders(credential: string): Record<string, string>;
  validate(context: ValidationContext): Promise<ValidationOutcome>;
  /** By processor name, e.g. `openai.costs`. */
  processors: Readonly<Record<string, PullProcessor>>;
  focusRows: FocusProcessor | undefined;
  /** Extracting steps that write as they go, by processor name. */
  streams?: Readonly<Record<string, StreamProcessor>>;
}
