import { AppError } from "#shared/runtime/errors.ts";

/**
 * What is loaded into an organization's tables in one UTC day. The warehouse takes 1,500 load jobs and 30,000 changes of
 * partitions per table and day, failed ones too; runs wait before it refuses, those of backfills first. Source:
 * `pipelines.md` 15.
 */

/** Document `orgs/{key}/warehouseBudget/{day}`: counted before each load, by table. */
export interface WarehouseBudget {
  jobs: Record<string, number>;
  /** Days whose rows a job changes. */
  modifications: Record<string, number>;
  expireAt: string;
}

/** One job, with the number of days whose rows it changes. */
interface Load {
  table: string;
  days: number;
  isBackfill: boolean;
}

export interface BudgetLimits {
  jobs: { backfill: number; all: number };
  modifications: { backfill: number; all: number };
}

export const budgetLimits: BudgetLimits = {
  jobs: { backfill: 1_000, all: 1_400 },
  modifications: { backfill: 20_000, all: 28_000 },
};

const dayMilliseconds = 86_400_000;
/** The counters of the warehouse begin anew with the day; its clock is not ours. */
const margin = 10 * 60_000;

export function budgetPath(orgKey: string, now: Date): string {
  return `orgs/${orgKey}/warehouseBudget/${now.toISOString().slice(0, 10)}`;
}

/** The counters with one more job, or undefined where it has to wait for the next day. */
export function withLoad(
  stored: WarehouseBudget | undefined,
  load: Load,
  { now, limits }: { now: Date; limits: BudgetLimits },
): WarehouseBudget | undefined {
  const { table, days, isBackfill } = load;
  const expireAt = new Date(now.getTime() + 3 * dayMilliseconds).toISOString();
  const budget = stored ?? { jobs: {}, modifications: {}, expireAt };
  const jobs = (budget.jobs[table] ?? 0) + 1;
  const modifications = (budget.modifications[table] ?? 0) + days;
  const kind = isBackfill ? "backfill" : "all";
  if (jobs > limits.jobs[kind] || modifications > limits.modifications[kind]) return undefined;
  return {
    ...budget,
    jobs: { ...budget.jobs, [table]: jobs },
    modifications: { ...budget.modifications, [table]: modifications },
  };
}

/** How much of what the table takes in a day is used: 0-1, of jobs or changes, whichever is more. */
export function usedShare(budget: WarehouseBudget, table: string, limits: BudgetLimits): number {
  const jobs = (budget.jobs[table] ?? 0) / limits.jobs.all;
  return Math.max(jobs, (budget.modifications[table] ?? 0) / limits.modifications.all);
}

/** When what has to wait may go on: ten minutes into the next UTC day. */
export function nextBudgetAt(now: Date): Date {
  return new Date((Math.floor(now.getTime() / dayMilliseconds) + 1) * dayMilliseconds + margin);
}

/**
 * The counters that the caller's transaction has read, with one more job. Throws `WAREHOUSE_BUDGET`, retryable when the next
 * day has begun: a run is parked until then.
 */
export function countedLoad(
  stored: WarehouseBudget | undefined,
  load: Load,
  { now, limits }: { now: Date; limits: BudgetLimits },
): WarehouseBudget {
  const counted = withLoad(stored, load, { now, limits });
  if (counted !== undefined) return counted;
  const wakeAt = nextBudgetAt(now);
  const text = `${load.table} takes no more loads today; it goes on at ${wakeAt.toISOString()}.`;
  const retryAfterSeconds = Math.ceil((wakeAt.getTime() - now.getTime()) / 1000);
  throw new AppError("WAREHOUSE_BUDGET", text, { retryable: true, retryAfterSeconds });
}
