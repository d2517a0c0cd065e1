import { createHash } from "node:crypto";
import type { DayPublication, Totals } from "#shared/ledger/ledger.ts";
import type { Failure } from "#shared/quality/expectation.ts";

/** Days of one source that failed their expectations: written, held out of the ledger, for a person to decide. Source: `pipelines.md` 9. */
export const quarantineStates = ["OPEN", "RELEASED", "DISCARDED", "SUPERSEDED"] as const;
type QuarantineState = (typeof quarantineStates)[number];

/** As it is answered: time makes an open one EXPIRED. */
export type QuarantineStatus = QuarantineState | "EXPIRED";

/** Document `orgs/{key}/quarantine/{id}`. Names its batches, so that they are kept while it is open. */
export interface QuarantineDocument {
  quarantineId: string;
  state: QuarantineState;
  runId: string;
  pipelineId: string;
  provider: string;
  credentialId: string;
  source: string;
  /** UTC, in order. */
  days: string[];
  failures: Failure[];
  /** What is published of the days in its place; null when nothing is. */
  oldTotals: Totals | null;
  newTotals: Totals;
  /** What a release publishes, under the fence the rows were pulled under. */
  publications: DayPublication[];
  pulledFence: number;
  epoch: number;
  heldAt: string;
  expiresAt: string;
  decidedAt: string | null;
  /** Credential of who decided. */
  decidedBy: string | null;
  reason: string | null;
}

/** Document `orgs/{key}/quarantine-index/open`: what is open, in one small read, with the days that nothing newer has replaced. */
export interface OpenQuarantines {
  items: Record<string, OpenQuarantine>;
}

export interface OpenQuarantine {
  pipelineId: string;
  source: string;
  days: string[];
  expiresAt: string;
}

const keptMilliseconds = 30 * 86_400_000;

export function quarantinePath(orgKey: string, id: string): string {
  return `orgs/${orgKey}/quarantine/${id}`;
}

export function openQuarantinesPath(orgKey: string): string {
  return `orgs/${orgKey}/quarantine-index/open`;
}

/**
 * Document `openQuarantines/{id}`: of any organization, while it is open, to be counted. Names none, and outlives one that
 * is erased until its time is up.
 */
export interface OpenQuarantineMark {
  expiresAt: string;
  expireAt: string;
}

export function quarantineMarkPath(id: string): string {
  return `openQuarantines/${id}`;
}

/** One per run and source: checks that are repeated after a crash hold the same days under the same id. */
export function quarantineId(runId: string, source: string): string {
  const hash = createHash("sha256").update(source).digest("hex").slice(0, 8);
  return `qua_${runId.slice(runId.indexOf("_") + 1)}_${hash}`;
}

/** What an id from outside must be before it becomes part of a path. */
export function isQuarantineId(text: string): boolean {
  return /^qua_[0-9A-HJKMNP-TV-Z]{26}_[0-9a-f]{8}$/.test(text);
}

export function statusOf(item: Pick<QuarantineDocument, "state" | "expiresAt">, now: Date): QuarantineStatus {
  return item.state === "OPEN" && Date.parse(item.expiresAt) <= now.getTime() ? "EXPIRED" : item.state;
}

export function expiryOf(heldAt: Date): string {
  return new Date(heldAt.getTime() + keptMilliseconds).toISOString();
}

/** Open items after a run: the days it has settled, by publishing or holding newer rows of the source, are theirs no more. */
export function afterRun(
  items: OpenQuarantines["items"],
  run: { pipelineId: string; settledDays: Readonly<Record<string, readonly string[]>> },
): { open: OpenQuarantines["items"]; superseded: string[] } {
  const open: OpenQuarantines["items"] = {};
  const superseded: string[] = [];
  for (const [id, item] of Object.entries(items)) {
    const settled = item.pipelineId === run.pipelineId ? (run.settledDays[item.source] ?? []) : [];
    const days = item.days.filter((day) => !settled.includes(day));
    if (days.length === 0) superseded.push(id);
    else open[id] = { ...item, days };
  }
  return { open, superseded };
}
