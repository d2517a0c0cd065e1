import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { MonthPlace } from "./closing.ts";
import { pipelineMonthPath } from "./current-batches.ts";
import { batchNumber } from "./decide-month.ts";
import { adjustmentOf } from "./held-plan.ts";
import {
  type Adjustment,
  type BatchRef,
  type MonthHead,
  manualPipeline,
  monthOf,
  type PipelineMonth,
} from "./ledger.ts";
import { type LedgerMonthReader, type StoredMonth, storedMonths } from "./ledger-months.ts";
import { writeBookedMonth } from "./publish-month-days.ts";

export const manualSource = "manual";

/** An adjustment that corrects a month, and where it lies. */
export interface FoundAdjustment extends Adjustment {
  id: string;
  pipelineId: string;
  batchId: string;
}

/** All adjustments in force that correct a month, and the number of batches that are held for it. */
export async function adjustmentsOf(
  { org, epoch, month }: Pick<MonthPlace, "org" | "epoch" | "month">,
  head: MonthHead,
  documents: LedgerMonthReader,
): Promise<{ adjustments: FoundAdjustment[]; heldBatches: number }> {
  const adjustments: FoundAdjustment[] = [];
  const held = new Set<string>();
  for (const pipelineId of [...(head.heldBy ?? []), manualPipeline]) {
    const place = { org, epoch, pipelineId };
    const pipeline = (await storedMonths(place, [month], documents)).get(month)?.pipeline;
    const published = new Set(Object.values(pipeline?.entries ?? {}).flatMap(({ b }) => b));
    for (const number of Object.values(pipeline?.held ?? {}).flatMap(({ b }) => b))
      if (!published.has(number)) held.add(pipeline?.batches[number]?.id ?? "");
    const months = [...new Set(Object.values(pipeline?.correctedIn ?? {}).flat())].sort();
    for (const { pipeline: lying } of (await storedMonths(place, months, documents)).values())
      for (const id of Object.keys(lying.adjustments ?? {})) {
        const found = adjustmentOf(lying, id);
        if (found?.month === month) adjustments.push({ ...found, id, pipelineId });
      }
  }
  return { adjustments, heldBatches: held.size };
}

/** A person's correction of a closed month, with the batch that was written for it. */
export interface ManualAdjustment {
  id: string;
  day: string;
  adjustment: Omit<Adjustment, "b" | "month" | "source" | "day" | "kind">;
  batch: BatchRef;
}

/** Sees the head of the corrected month, and throws where it is not the one that was meant. */
type HeadCheck = (head: MonthHead) => void;

/**
 * The month that a manual adjustment corrects, and that of the day it is to lie on. 409 `MONTH_NOT_CLOSED` where the month
 * can still be corrected at its source, `MONTH_CLOSED` where the day is of a closed month.
 */
export async function adjustableMonths(
  { org, epoch, month }: MonthPlace,
  day: string,
  check: HeadCheck,
  documents: LedgerMonthReader,
): Promise<{ corrected: StoredMonth; lying: StoredMonth }> {
  const effective = monthOf(day);
  const place = { org, epoch, pipelineId: manualPipeline };
  const stored = await storedMonths(place, [...new Set([month, effective])], documents);
  const [corrected, lying] = [stored.get(month), stored.get(effective)];
  if (corrected === undefined || lying === undefined) throw new Error("the months were not read");
  if (corrected.head.state !== "closed")
    throw new AppError("MONTH_NOT_CLOSED", `${month} is not closed: correct its source instead.`);
  check(corrected.head);
  if (lying.head.state === "closed") throw new AppError("MONTH_CLOSED", `${effective} is closed.`);
  return { corrected, lying };
}

/** Reads what booking a manual adjustment needs; the answered function writes it. Throws as `adjustableMonths`. */
export async function bookedManually(
  place: MonthPlace,
  manual: ManualAdjustment,
  check: HeadCheck,
  change: Change,
): Promise<() => void> {
  const { org, month } = place;
  const { corrected, lying } = await adjustableMonths(place, manual.day, check, change);
  const context = {
    ...place,
    pipelineId: manualPipeline,
    runId: manual.batch.run,
    fence: 0,
    reason: "manual" as const,
  };
  return () => {
    const pipeline = structuredClone(lying.pipeline);
    const b = batchNumber(pipeline, manual.batch);
    const corrects = { kind: "manual" as const, month, source: manualSource, day: null };
    pipeline.adjustments = { ...pipeline.adjustments, [manual.id]: { ...manual.adjustment, ...corrects, b } };
    change.set<PipelineMonth>(pipelineMonthPath(org, month, manualPipeline), {
      ...corrected.pipeline,
      correctedIn: { ...corrected.pipeline.correctedIn, [manual.id]: [lying.month] },
    });
    const booked = {
      id: manual.id,
      corrects: { month, day: null, source: manualSource, pipelineId: manualPipeline },
      before: undefined,
      after: adjustmentOf(pipeline, manual.id),
    };
    const pipelines = [{ context, before: lying.pipeline, pipeline, changes: [booked] }];
    writeBookedMonth(org, lying.month, { stored: lying.head, pipelines }, change);
  };
}
