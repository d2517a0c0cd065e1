import { createHash } from "node:crypto";
import { type CredentialDocument, credentialPath } from "#shared/integrations/credential.ts";
import { noteReached } from "#shared/ledger/high-marks.ts";
import {
  type BatchRef,
  type DayOutcome,
  type DayPart,
  type DayPricing,
  type DayPublication,
  type DayState,
  monthOf,
} from "#shared/ledger/ledger.ts";
import { publishMonthDays } from "#shared/ledger/publish-month-days.ts";
import { sumTotals } from "#shared/ledger/totals.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { type Claim, isStillOurs } from "./claim.ts";
import { combinedDays } from "./day-states.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { LeaseLost } from "./lease-lost.ts";
import { type RunOwner, standingCredential } from "./own-pipelines.ts";
import { computedTable, costTable } from "./parts.ts";
import { processors } from "./processors.ts";
import type { PartDocument, RunDocument, StepDocument } from "./run.ts";
import { runPath } from "./run-paths.ts";
import type { RunSession } from "./session.ts";

/** A day that the run wants published, and what became of it. */
export interface PublishedDay {
  publication: DayPublication;
  outcome: DayOutcome;
}

/** The days of the run, month by month in the order of their sources and days, as its steps left them. */
export async function publicationsOf(steps: readonly StepDocument[], session: RunSession): Promise<DayPublication[]> {
  const done = steps.filter(({ status }) => status === "COMPLETED");
  const owed = done.filter((step) => !isOptional(step, session.claim.run));
  const parts = await session.batches.parts(done.flatMap((step) => step.parts));
  const missing = await carriedTables(steps, session.claim.run);
  const pricing = pricingOf(done);
  return Object.entries(combinedDays(owed)).flatMap(([source, days]) => {
    const published = Object.entries(days).filter((entry): entry is [string, DayState] => entry[1] !== "unavailable");
    return published
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([day, state]) => {
        const own = parts.filter((part) => part.source === source && day in part.days);
        const pulledFence = Math.min(...done.map((step) => step.dayFences[day] ?? step.pulledFence));
        const carried = missing(day);
        return {
          ...dayPublication({ source, day, state, pulledFence, ...pricing(day) }, own, pricing),
          ...(carried.length > 0 ? { carried } : {}),
        };
      });
  });
}

type PricingOf = (day: string) => { pricing?: DayPricing };

/** What all steps together say of a day; an empty list of unpriced usage is not kept. */
function pricingOf(steps: readonly StepDocument[]): PricingOf {
  return (day) => {
    const { unpriced = [], ...known }: DayPricing = Object.assign({}, ...steps.map((step) => step.pricing?.[day]));
    const pricing = { ...known, ...(unpriced.length > 0 ? { unpriced } : {}) };
    return Object.keys(pricing).length > 0 ? { pricing } : {};
  };
}

/** Without which the run goes on: what such a step knows of a day decides nothing about it. */
function isOptional(step: StepDocument, run: RunDocument): boolean {
  return run.config.steps[step.index]?.on_failure === "continue";
}

/** Tables whose step failed, was skipped, or got no answer for a day: what is published of them stays. */
async function carriedTables(steps: readonly StepDocument[], run: RunDocument): Promise<(day: string) => string[]> {
  const registry = await processors();
  const optional = steps.filter((step) => step.status !== "COMPLETED" || isOptional(step, run));
  return (day) =>
    optional
      .filter((step) => step.status !== "COMPLETED" || isUnavailable(step, day))
      .flatMap((step) => registry.get(step.processor)?.writes ?? []);
}

function isUnavailable(step: StepDocument, day: string): boolean {
  return Object.values(step.sources).some((days) => days[day] === "unavailable");
}

/**
 * Publishes days month by month, each in one transaction that also checks that the run, the organization and the
 * credential still stand (T6 of `pipelines.md` 6 and 8). A crash between two months is finished by the next claim: what
 * is published already is found unchanged.
 */
export async function publishDays(
  claim: Claim,
  publications: readonly DayPublication[],
  ports: EnginePorts,
): Promise<PublishedDay[]> {
  const published: PublishedDay[] = [];
  for (const month of [...new Set(publications.map(({ day }) => monthOf(day)))].sort()) {
    const own = publications.filter(({ day }) => monthOf(day) === month);
    const { days, pipeline } = await publishOneMonth(claim, month, own, ports);
    for (const { publication, outcome } of days) {
      published.push({ publication, outcome });
      ports.metrics.count("ca_publications_total", { kind: outcome });
      if (outcome === "superseded") ports.metrics.count("ca_fence_refusals_total", {});
    }
    const ledgerBytes = Buffer.byteLength(JSON.stringify(pipeline));
    const day = own.map((publication) => publication.day).reduce((newest, other) => (other > newest ? other : newest));
    await noteReached({ kind: "published", provider: claim.run.provider, day, ledgerBytes }, ports.documents);
  }
  return published;
}

function publishOneMonth(
  { run, org }: Claim,
  month: string,
  publications: readonly DayPublication[],
  ports: EnginePorts,
) {
  const { runId, fence, pipelineId } = run;
  const { dataset, ledgerEpoch: epoch } = org;
  const context = { org: run.org, datasetId: dataset.id, epoch, pipelineId, month, runId, fence };
  return publishMonthDays(
    context,
    () => publications,
    async (change) => {
      const paths = [runPath(run.org.key, runId), orgPath(run.org.key), credentialPath(run.org, run.credentialId)];
      const [stored, found, credential] = await change.getAll<object>(paths);
      const isAlive =
        isStanding(found?.body as OrgDocument | undefined, org) &&
        standingCredential(run, credential?.body as CredentialDocument | undefined) !== undefined;
      if (!isStillOurs(run, stored?.body as RunDocument | undefined) || !isAlive) throw new LeaseLost();
    },
    ports,
  );
}

/** Whether the organization is the claimed one and its rows lie where they lay then. */
export function isStanding(found: OrgDocument | undefined, claimed: RunOwner): boolean {
  return (
    found?.state === "ACTIVE" &&
    found.orgId === claimed.orgId &&
    found.ledgerEpoch === claimed.ledgerEpoch &&
    found.dataset.id === claimed.dataset.id
  );
}

function dayPublication(
  place: Pick<DayPublication, "source" | "day" | "state" | "pulledFence" | "pricing">,
  parts: readonly PartDocument[],
  pricing: PricingOf,
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
        return [table, dayPart(day, own, pricing)];
      }),
    ),
  };
}

function bookOfAll(days: readonly string[], pricing: PricingOf): Pick<BatchRef, "priceBookVersion"> {
  const [version, ...others] = new Set(days.map((day) => pricing(day).pricing?.version));
  return version === undefined || others.length > 0 ? {} : { priceBookVersion: version };
}

/** The day's rows of one table; the hash of a day that lies in several batches covers them all, in their order. */
function dayPart(day: string, parts: readonly PartDocument[], pricing: PricingOf): DayPart {
  if (new Set(parts.map((part) => part.stepId)).size > 1) throw new Error(`two steps wrote one table for ${day}`);
  const ordered = [...parts].sort((a, b) => (a.batchId < b.batchId ? -1 : 1));
  const hashes = ordered.map((part) => part.days[day]?.hash ?? "");
  return {
    batches: ordered.flatMap(
      ({ batchId, table, rows, pulledAt, kept, days }) =>
        kept?.[day] ?? [
          {
            ...{ id: batchId, table, rows, run: batchId.slice(0, batchId.indexOf("-")), pulledAt },
            ...(table === computedTable ? bookOfAll(Object.keys(days), pricing) : {}),
          },
        ],
    ),
    hash: hashes.length === 1 ? (hashes[0] ?? "") : createHash("sha256").update(hashes.join("|")).digest("hex"),
    rows: ordered.reduce((sum, part) => sum + (part.days[day]?.rows ?? 0), 0),
  };
}
