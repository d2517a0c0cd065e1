import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Clock } from "#shared/platform/clock.ts";

export const yearOrg: OrgIdentity = { slug: "bench_org", key: "bench_org", orgId: "org_01BENCH" };

/** The whole generated year, UTC days. */
export const askedRange = { start: "2025-01-01", end: "2025-12-31" };

export const askedQuery = { start_date: askedRange.start, end_date: askedRange.end };

/** After the year, so that none of its days is open any more. */
export const readClock: Clock = { now: () => new Date("2026-01-10T00:00:00Z") };
