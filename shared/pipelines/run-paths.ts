import { createHash } from "node:crypto";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { isPlatformScope } from "#shared/access/platform-scope.ts";
import type { DayRange } from "./range.ts";

/**
 * Where the documents of runs lie (`tables.md` 6): below their organization, those of the platform's own pipelines in
 * root collections. The organization always comes from a credential or a stored run.
 */
export function runCollection(orgKey: string): string {
  return collectionOf(orgKey, "runs");
}

export function runPath(orgKey: string, runId: string): string {
  return `${runCollection(orgKey)}/${runId}`;
}

export function stepPath(orgKey: string, runId: string, index: number): string {
  return `${runPath(orgKey, runId)}/steps/${String(index).padStart(2, "0")}`;
}

export function partPath(orgKey: string, runId: string, batchId: string): string {
  return `${runPath(orgKey, runId)}/parts/${batchId}`;
}

export function qualityPath(orgKey: string, runId: string, table: string): string {
  return `${runPath(orgKey, runId)}/quality/${table}`;
}

export function transitionPath(orgKey: string, runId: string, number: number): string {
  return `${runPath(orgKey, runId)}/transitions/${String(number).padStart(6, "0")}`;
}

export function waitingRunPath(orgKey: string, runId: string): string {
  return `orgs/${orgKey}/waitingRuns/${runId}`;
}

export function runIndexPath(runId: string): string {
  return `runIndex/${runId}`;
}

export function sourcePath(org: OrgIdentity, pipelineId: string, credentialId: string): string {
  return `${collectionOf(org.key, "sources")}/${pipelineId}~${credentialId}`;
}

/** Two requests for the same days of the same source are one run. */
export function activeRunKey(pipelineId: string, credentialId: string, range: DayRange, dryRun = false): string {
  const hash = createHash("sha256").update(`${range.start}|${range.end}|${dryRun}`).digest("hex").slice(0, 12);
  return `${pipelineId}~${credentialId}~${hash}`;
}

export function activeRunPath(orgKey: string, activeKey: string): string {
  return `${collectionOf(orgKey, "activeRuns")}/${activeKey}`;
}

/** `run_` and a ULID: what an id from outside must be before it becomes part of a path. */
export function isRunId(text: string): boolean {
  return /^run_[0-9A-HJKMNP-TV-Z]{26}$/.test(text);
}

const platformCollections = {
  runs: "platformRuns",
  sources: "platformSources",
  activeRuns: "platformActiveRuns",
} as const;

function collectionOf(orgKey: string, name: keyof typeof platformCollections): string {
  return isPlatformScope({ key: orgKey }) ? platformCollections[name] : `orgs/${orgKey}/${name}`;
}
