import { unitsOfDay } from "../activity.ts";
import { visibleCounts } from "../counts.ts";
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

/** Units of a whole day: the catalogue's number, its shares of project and key, and the day's activity. */
export function dailyUnits({ project, key, day }: Place, base: number, bits: bigint): bigint {
  return unitsOfDay({ day, base, percents: [project.percent, key?.percent ?? 100n] }, bits);
}

/** The part of a row that the simulator's clock shows. */
export function visiblePart(row: UsageRow, { simulation, day }: Place): UsageRow {
  return { ...row, counts: visibleCounts(row.counts, simulation.visiblePercent(day)) };
}
