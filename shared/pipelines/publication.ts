import { type CredentialDocument, credentialPath } from "#shared/integrations/credential.ts";
import { headPath, pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import {
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
import { combinedDays } from "./steps.ts";

/**
 * Publishes what the steps wrote, month by month, each in one transaction that also checks that the run, the
 * organization and the credential still stand (T6 of `pipelines.md` 6 and 8). A crash between two months is finished
 * by the next claim: what is published already is found unchanged.
 */
export async function publishRun(claim: Claim, steps: readonly StepDocument[], ports: EnginePorts): Promise<RunResult> {
  const { run } = claim;
  const parts = await partsOf(run, steps, ports);
  const publications = dayPublications(run, steps, parts);
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

function dayPublications(
  run: RunDocument,
  steps: readonly StepDocument[],
  parts: readonly PartDocument[],
): DayPublication[] {
  const states = combinedDays(steps);
  const days = Object.entries(states).filter((entry): entry is [string, DayState] => entry[1] !== "unavailable");
  return days
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, state]) =>
      dayPublication(
        run,
        day,
        state,
        parts.filter((part) => day in part.days),
      ),
    );
}

function dayPublication(
  run: RunDocument,
  day: string,
  state: DayState,
  parts: readonly PartDocument[],
): DayPublication {
  if (new Set(parts.map((part) => part.table)).size < parts.length)
    throw new Error(`two steps wrote one table for ${day}`);
  const costs = parts.filter((part) => part.table === costTable);
  return {
    source: run.credentialId,
    day,
    state: parts.length > 0 && state === "empty" ? "complete" : state,
    // All parts of the day count as pulled when the oldest of them was.
    pulledFence: parts.length === 0 ? run.fence : Math.min(...parts.map((part) => part.pulledFence)),
    rows: costs.reduce((sum, part) => sum + (part.days[day]?.rows ?? 0), 0),
    totals: sumTotals(costs.map((part) => part.days[day]?.totals ?? {})),
    parts: Object.fromEntries(
      parts.map((part) => [
        part.table,
        {
          batch: { id: part.batchId, table: part.table, rows: part.rows, run: run.runId, pulledAt: part.pulledAt },
          hash: part.days[day]?.hash ?? "",
        },
      ]),
    ),
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
