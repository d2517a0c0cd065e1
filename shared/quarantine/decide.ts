import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { headPath, pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import { type DayDecision, type MonthHead, monthOf, type PipelineMonth } from "#shared/ledger/ledger.ts";
import { type PublicationContext, publishMonth } from "#shared/ledger/publish.ts";
import { type PublishingPorts, publishMonthDays } from "#shared/ledger/publish-month-days.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import {
  isQuarantineId,
  type OpenQuarantines,
  openQuarantinesPath,
  type QuarantineDocument,
  quarantineMarkPath,
  quarantinePath,
  statusOf,
} from "./quarantine.ts";
import { QuarantineItem, quarantineItem } from "./quarantine-answer.ts";

export const DecisionRequest = strictObject({ reason: plainText(3, 500) });
type DecisionRequest = Static<typeof DecisionRequest>;

export const ReleaseAnswer = strictObject({
  quarantine: QuarantineItem,
  published_days: Type.Array(Type.String()),
  superseded_days: Type.Array(Type.String()),
});
export type ReleaseAnswer = Static<typeof ReleaseAnswer>;

/** Who decides about what. */
export interface Decision {
  org: OrgIdentity;
  caller: Caller;
  id: string;
  body: DecisionRequest;
}

/**
 * Publishes what was held, as if it had passed: under the fence its rows were pulled under, so a day of which newer rows
 * are published stays. 409 `QUARANTINE_SUPERSEDED` when that is so of all days, `QUARANTINE_NOT_OPEN` when it is decided
 * or expired.
 */
export async function releaseQuarantine(
  decision: Decision,
  effects: Effects<ReleaseAnswer>,
  ports: PublishingPorts,
): Promise<ReleaseAnswer> {
  const { org } = decision;
  const held = await heldMonths(decision, ports);
  return effects.commit(async (change) => {
    const item = await openItem(decision, change);
    const organization = (await change.get<OrgDocument>(orgPath(org.key))).body;
    if (organization?.state !== "ACTIVE") throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
    if (organization.ledgerEpoch !== item.epoch) throw superseded();
    const write = await released(item, { org, organization, held }, change);
    const forget = await withoutItem(org, item.quarantineId, change);
    await effects.prepare(change);
    const days = write();
    if (days.every(({ outcome }) => outcome === "superseded")) throw superseded();
    const decided = decidedItem(item, "RELEASED", decision, change);
    change.set<QuarantineDocument>(quarantinePath(org.key, item.quarantineId), decided);
    forget();
    const ofOutcome = (isSuperseded: boolean): string[] =>
      days
        .filter(({ outcome }) => (outcome === "superseded") === isSuperseded)
        .map(({ publication }) => publication.day);
    const answer = {
      quarantine: quarantineItem(decided, change.now),
      published_days: ofOutcome(false),
      superseded_days: ofOutcome(true),
    };
    effects.conclude(change, answer, { resourceId: item.quarantineId, details: auditOf(decided) });
    return answer;
  });
}

/** Leaves the days as they are published; what was held is never published. 409 as for a release. */
export async function discardQuarantine(decision: Decision, effects: Effects<QuarantineItem>): Promise<QuarantineItem> {
  const { org } = decision;
  return effects.commit(async (change) => {
    const item = await openItem(decision, change);
    const forget = await withoutItem(org, item.quarantineId, change);
    await effects.prepare(change);
    const decided = decidedItem(item, "DISCARDED", decision, change);
    change.set<QuarantineDocument>(quarantinePath(org.key, item.quarantineId), decided);
    forget();
    const answer = quarantineItem(decided, change.now);
    effects.conclude(change, answer, { resourceId: item.quarantineId, details: auditOf(decided) });
    return answer;
  });
}

async function openItem({ org, id }: Decision, change: Change): Promise<QuarantineDocument> {
  if (!isQuarantineId(id)) throw quarantineNotFound();
  const { body, readAt } = await change.get<QuarantineDocument>(quarantinePath(org.key, id));
  if (body === undefined) throw quarantineNotFound();
  const status = statusOf(body, readAt);
  if (status === "SUPERSEDED") throw superseded();
  if (status !== "OPEN") throw new AppError("QUARANTINE_NOT_OPEN", `The quarantine is ${status} already.`);
  return body;
}

export function quarantineNotFound(): AppError {
  return new AppError("QUARANTINE_NOT_FOUND", "There is no such quarantine.");
}

function superseded(): AppError {
  return new AppError(
    "QUARANTINE_SUPERSEDED",
    "Newer data of these days has been pulled since; there is nothing to decide.",
  );
}

/** Reads the months of the held days; the answered function publishes them. */
async function released(
  item: QuarantineDocument,
  at: { org: OrgIdentity; organization: OrgDocument; held: HeldMonths },
  change: Change,
): Promise<() => DayDecision[]> {
  const { org, organization, held } = at;
  const months = [...new Set(item.days.map(monthOf))].sort();
  const paths = months.flatMap((month) => [headPath(org, month), pipelineMonthPath(org, month, item.pipelineId)]);
  const stored = await change.getAll<object>(paths);
  return () =>
    months.flatMap((month, index) => {
      const known = held.get(month);
      if (known !== undefined) return known;
      const context = contextOf(item, month, { org, organization });
      const before = {
        head: stored[2 * index]?.body as MonthHead | undefined,
        pipeline: stored[2 * index + 1]?.body as PipelineMonth | undefined,
      };
      const own = item.publications.filter(({ day }) => monthOf(day) === month);
      return publishMonth(context, before, own, change).days;
    });
}

function contextOf(
  { epoch, pipelineId, runId, pulledFence }: QuarantineDocument,
  month: string,
  { org, organization }: { org: OrgIdentity; organization: OrgDocument },
): PublicationContext {
  const datasetId = organization.dataset.id;
  return { org, datasetId, epoch, pipelineId, month, runId, fence: pulledFence, reason: "manual" };
}

/** By month, what became of the days of closed ones. */
type HeldMonths = ReadonlyMap<string, DayDecision[]>;

/**
 * Holds the days of closed months first, each in its own transaction: a release that is repeated after a crash finds them
 * held. The decision about the item itself comes with the open months.
 */
async function heldMonths(decision: Decision, ports: PublishingPorts): Promise<HeldMonths> {
  const { org, id } = decision;
  const held = new Map<string, DayDecision[]>();
  if (!isQuarantineId(id)) return held;
  const [stored, found] = await ports.documents.getAll<object>([quarantinePath(org.key, id), orgPath(org.key)]);
  const item = stored?.body as QuarantineDocument | undefined;
  const organization = found?.body as OrgDocument | undefined;
  if (item === undefined || organization?.ledgerEpoch !== item.epoch) return held;
  const months = [...new Set(item.days.map(monthOf))].sort();
  const heads = await ports.documents.getAll<MonthHead>(months.map((month) => headPath(org, month)));
  for (const [at, month] of months.entries()) {
    const head = heads[at]?.body;
    if (head?.epoch !== item.epoch || head.state !== "closed") continue;
    const { days } = await publishMonthDays(
      contextOf(item, month, { org, organization }),
      () => item.publications.filter(({ day }) => monthOf(day) === month),
      async (change) => {
        await openItem(decision, change);
        const current = (await change.get<OrgDocument>(orgPath(org.key))).body;
        if (current?.state !== "ACTIVE") throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
      },
      ports,
    );
    held.set(month, days);
  }
  return held;
}

async function withoutItem(org: OrgIdentity, id: string, change: Change): Promise<() => void> {
  const path = openQuarantinesPath(org.key);
  const { [id]: _decided, ...items } = (await change.get<OpenQuarantines>(path)).body?.items ?? {};
  return () => {
    change.set<OpenQuarantines>(path, { items });
    change.delete(quarantineMarkPath(id));
  };
}

function decidedItem(
  item: QuarantineDocument,
  state: "RELEASED" | "DISCARDED",
  { caller, body }: Decision,
  change: Change,
): QuarantineDocument {
  return {
    ...item,
    state,
    decidedAt: change.now.toISOString(),
    decidedBy: caller.credentialId,
    reason: body.reason,
  };
}

function auditOf({ days, oldTotals, newTotals, reason, runId }: QuarantineDocument): Record<string, unknown> {
  return { run_id: runId, days, old_totals: oldTotals, new_totals: newTotals, reason };
}
