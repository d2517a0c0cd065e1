import { createHash } from "node:crypto";
import { type CredentialDocument, credentialPath } from "#shared/integrations/credential.ts";
import { headPath, pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import {
  type DayPart,
  type DayPublication,
  type DayState,
  type MonthHead,
  monthOf,
  type PipelineMonth,
  type Totals,
} from "#shared/ledger/ledger.ts";
import { publishMonth } from "#shared/ledger/publish.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { type Claim, isStillOurs } from "./claim.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { LeaseLost } from "./lease-lost.ts";
import { costTable } from "./parts.ts";
import type { PartDocument, RunDocument, RunResult, StepDocument } from "./run.ts";
import { partPath, runPath } from "./run-paths.ts";
import { combinedDays } from "./step-work.ts";

/**
 * Publishes what the steps wrote, month by month, each in one transaction that also checks that the run, the
 * organization and the credential still stand (T6 of `pipelines.md` 6 and 8). A crash between two months is finished
 * by the next claim: what is published already is found unchanged.
 */
export async function publishRun(claim: Claim, steps: readonly StepDocument[], ports: EnginePorts): Promise<RunResult> {
  const { run } = claim;
  const parts = await partsOf(run, steps, ports);
  const publications = dayPublications(steps, parts);
  const result: RunResult = {
    rows: 0,
    batches: parts.length,
    publishedDays: [],
    unchangedDays: [],
    restatedDays: [],
    supersededDays: [],
    totals: {},
  };
  for (const month of [...new Set(publications.map(({ day }) => monthOf(day)))].sort()) {
    const own = publications.filter(({ day }) => monthOf(day) === month);
    await publishOneMonth(claim, month, own, result, ports);
  }
  result.rows = publications.reduce((sum, { rows }) => sum + rows, 0);
  result.totals = sumTotals(
    publications.filter(({ day }) => !result.supersededDays.includes(day)).map(({ totals }) => totals),
  );
  return result;
}

async function publishOneMonth(
  claim: Claim,
  month: string,
  publications: readonly DayPublication[],
  result: RunResult,
  ports: EnginePorts,
): Promise<void> {
  const { run } = claim;
  const decision = await commitChange(async (change) => {
    const paths = [
      runPath(run.org.key, run.runId),
      orgPath(run.org.key),
      credentialPath(run.org, run.credentialId),
      headPath(run.org, month),
      pipelineMonthPath(run.org, month, run.pipelineId),
    ];
    const [stored, org, credential, head, pipeline] = await change.getAll<object>(paths);
    const orgBody = org?.body as OrgDocument | undefined;
    const isAlive =
      orgBody?.state === "ACTIVE" &&
      orgBody.orgId === run.org.orgId &&
      (credential?.body as CredentialDocument | undefined) !== undefined;
    if (!isStillOurs(run, stored?.body as RunDocument | undefined) || !isAlive) throw new LeaseLost();
    return publishMonth(
      {
        org: run.org,
        datasetId: orgBody.dataset.id,
        epoch: orgBody.ledgerEpoch,
        pipelineId: run.pipelineId,
        month,
        runId: run.runId,
        fence: run.fence,
      },
      { head: head?.body as MonthHead | undefined, pipeline: pipeline?.body as PipelineMonth | undefined },
      publications,
      change,
    );
  }, ports);
  const lists = {
    first_publish: result.publishedDays,
    restatement: result.restatedDays,
    unchanged: result.unchangedDays,
    superseded: result.supersededDays,
  };
  for (const { publication, outcome } of decision.days) {
    lists[outcome].push(publication.day);
    ports.metrics.count("ca_publications_total", { kind: outcome });
    if (outcome === "superseded") ports.metrics.count("ca_fence_refusals_total", {});
  }
}

async function partsOf(run: RunDocument, steps: readonly StepDocument[], ports: EnginePorts): Promise<PartDocument[]> {
  const paths = steps.flatMap((step) => step.parts).map((batchId) => partPath(run.org.key, run.runId, batchId));
  const snapshots = await ports.documents.getAll<PartDocument>(paths);
  return snapshots.map(({ path, body }) => {
    if (body?.state !== "LOADED") throw new Error(`the part ${path} is not loaded`);
    return body;
  });
}

function dayPublications(steps: readonly StepDocument[], parts: readonly PartDocument[]): DayPublication[] {
  // All of a day counts as pulled when the first step was: a resumed run keeps the fence its finished steps had.
  const pulledFence = Math.min(...steps.map((step) => step.pulledFence));
  return Object.entries(combinedDays(steps)).flatMap(([source, days]) => {
    const published = Object.entries(days).filter((entry): entry is [string, DayState] => entry[1] !== "unavailable");
    return published
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([day, state]) => {
        const own = parts.filter((part) => part.source === source && day in part.days);
        return dayPublication({ source, day, state, pulledFence }, own);
      });
  });
}

function dayPublication(
  place: Pick<DayPublication, "source" | "day" | "state" | "pulledFence">,
  parts: readonly PartDocument[],
): DayPublication {
  const { day, state } = place;
  const costs = parts.filter((part) => part.table === costTable);
  const tables = [...new Set(parts.map((part) => part.table))];
  return {
    ...place,
    state: parts.length > 0 && state === "empty" ? "complete" : state,
    rows: costs.reduce((sum, part) => sum + (part.days[day]?.rows ?? 0), 0),
    totals: sumTotals(costs.map((part) => part.days[day]?.totals ?? {})),
    parts: Object.fromEntries(
      tables.map((table) => {
        const own = parts.filter((part) => part.table === table);
        return [table, dayPart(day, own)];
      }),
    ),
  };
}

/** The day's rows of one table; the hash of a day that lies in several batches covers them all, in their order. */
function dayPart(day: string, parts: readonly PartDocument[]): DayPart {
  if (new Set(parts.map((part) => part.stepId)).size > 1) throw new Error(`two steps wrote one table for ${day}`);
  const ordered = [...parts].sort((a, b) => (a.batchId < b.batchId ? -1 : 1));
  const hashes = ordered.map((part) => part.days[day]?.hash ?? "");
  return {
    batches: ordered.map(({ batchId, table, rows, pulledAt }) => ({
      id: batchId,
      table,
      rows,
      run: batchId.slice(0, batchId.indexOf("-")),
      pulledAt,
    })),
    hash: hashes.length === 1 ? (hashes[0] ?? "") : createHash("sha256").update(hashes.join("|")).digest("hex"),
  };
}

function sumTotals(all: readonly Totals[]): Totals {
  const sums: Totals = {};
  for (const totals of all) {
    for (const [currency, [billed, effective]] of Object.entries(totals)) {
      const [b, e] = sums[currency] ?? ["0", "0"];
      sums[currency] = [added(b, billed), added(e, effective)];
    }
  }
  return sums;
}

function added(one: string, other: string): string {
  return amountText(parseAmount(one).plus(parseAmount(other)));
}
