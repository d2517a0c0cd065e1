import { activity, activityScale } from "../activity.ts";
import { pick } from "../draw.ts";
import type { Simulation } from "../simulation.ts";
import type { ApiKey, Project } from "./organization.ts";
import type { UsageRow } from "./rows.ts";

/** Where and when something is used. */
export interface Place {
  readonly simulation: Simulation;
  readonly account: string;
  readonly day: number;
  readonly project: Project;
  /** Undefined for what belongs to a project as a whole. */
  readonly key: ApiKey | undefined;
}

/** Units of a whole day, rounded down: the catalogue's number x project x key x the day's activity x 80..120 % drawn from the bits. */
export function dailyUnits({ project, key, day }: Place, base: number, bits: bigint): bigint {
  const units = BigInt(base) * project.percent * (key?.percent ?? 100n) * activity(day) * pick(bits, [80, 120]);
  return units / (100n * 100n * 100n * activityScale);
}

/** The part of a row that the simulator's clock shows; each count is rounded down, so totals must be made from the parts. */
export function visiblePart(row: UsageRow, { simulation, day }: Place): UsageRow {
  const percent = simulation.visiblePercent(day);
  const counts = Object.entries(row.counts).map(([name, count]) => [name, (count * percent) / 100n] as const);
  return { ...row, counts: Object.fromEntries(counts) };
}

export function isUsed(row: UsageRow): boolean {
  return Object.values(row.counts).some((count) => count !== 0n);
}
