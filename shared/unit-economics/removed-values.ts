import type { OrgIdentity } from "#shared/access/caller.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Settled } from "#shared/timers/take-due.ts";
import { type TimerDocument, timerPath } from "#shared/timers/timers.ts";
import { daysOf, type MetricDocument } from "./metric.ts";
import { dayPath, journalPath, metricPath } from "./metric-store.ts";

/** Timer of one deleted metric: its values go when it is due. */
export const metricValuesTimer = "unit-metric-values";

/** How long the values of a deleted metric are kept. Source: hierarchy.md 3. */
const keptMilliseconds = 400 * 86_400_000;
/** Documents removed in one transaction. */
const removedAtOnce = 400;

/** What was there when the metric was deleted, and how much of it is gone already. */
interface RemovalPayload {
  org_id: string;
  metric: string;
  series: number;
  days: MetricDocument["days"];
  /** Number of the last journal document. */
  journals: number;
  removed: number;
}

/** Until when the values of a metric that was deleted at this instant are kept. */
export function keptUntil(deletedAt: string): Date {
  return new Date(Date.parse(deletedAt) + keptMilliseconds);
}

/** Has the values of a metric removed that is being deleted. A series has one such timer. */
export function removeValuesLater(
  { key, orgId }: OrgIdentity,
  { metric, series, days, valuesVersion }: MetricDocument,
  change: Change,
): void {
  const payload: RemovalPayload = { org_id: orgId, metric, series, days, journals: valuesVersion, removed: 0 };
  const dueAt = keptUntil(change.now.toISOString()).toISOString();
  const timer = { kind: metricValuesTimer, org: key, dueAt, payload: { ...payload } };
  change.create<TimerDocument>(timerPath(metricValuesTimer, `${key}.${metric}.${series}`), timer);
}

/** Removes the days and the journal of a deleted metric, some in each transaction; values of a later series stay. */
export async function removeMetricValues(timer: TimerDocument, change: Change): Promise<Settled> {
  const payload = timer.payload as unknown as RemovalPayload;
  const { metric: name, series, removed } = payload;
  const key = timer.org ?? "";
  const { body: organization } = await change.get<OrgDocument>(orgPath(key));
  const { body: metric, path } = await change.get<MetricDocument>(metricPath({ key }, name));
  if (organization?.orgId !== payload.org_id || metric === undefined) return "done";
  const isLater = metric.series !== series;
  if (!isLater && metric.deletedAt === null) return "done";
  const paths = pathsOf(key, payload);
  const taken = new Set(isLater ? pathsOf(key, { ...payload, days: metric.days, journals: metric.valuesVersion }) : []);
  for (const each of paths.slice(removed, removed + removedAtOnce)) if (!taken.has(each)) change.delete(each);
  if (!isLater && removed === 0) change.set<MetricDocument>(path, { ...metric, days: {} });
  if (removed + removedAtOnce >= paths.length) return "done";
  change.set<TimerDocument>(timerPath(metricValuesTimer, `${key}.${name}.${series}`), {
    ...timer,
    payload: { ...payload, removed: removed + removedAtOnce },
  });
  return "written";
}

function pathsOf(key: string, { metric, days, journals }: Pick<RemovalPayload, "metric" | "days" | "journals">) {
  const numbers = Array.from({ length: journals }, (_, at) => at + 1);
  return [
    ...daysOf({ days }).map((day) => dayPath({ key }, metric, day)),
    ...numbers.map((number) => journalPath({ key }, metric, number)),
  ];
}
