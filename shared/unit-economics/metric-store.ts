import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents, Snapshot, Transaction } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { daysOf, type MetricDocument, type MetricList, metricAnswer } from "./metric.ts";

type Org = Pick<OrgIdentity, "key">;

/** One measured value; quantities are plain decimal text, not negative. */
export interface DayValue {
  /** A value of the metric's dimension; empty where it has none. */
  dimension: string;
  quantity: string;
  /** Of the writer; null where it gives none. */
  revision: number | null;
}

/** Document `orgs/{key}/unitMetrics/{metric}/days/{day}`: all values of a UTC day. */
export interface MetricDay {
  day: string;
  /** Days of another series are none of the metric. */
  series: number;
  /** JSON text of `[dimension, quantity, revision]`: dimension values are no field names. */
  values: string;
  revision: number;
  source: "import" | "api";
  updatedAt: string;
  updatedBy: string;
}

/** Document `orgs/{key}/unitMetrics/{metric}/journal/{number}`: day totals before and after; null: no values. */
export interface MetricJournal {
  number: number;
  at: string;
  by: string;
  source: MetricDay["source"];
  days: { day: string; before: string | null; after: string | null }[];
}

const metricForm = /^[a-z][a-z0-9_]{1,49}$/;
/** Days may be large: few are read at once. */
const readAtOnce = 50;

export function metricsCollection(org: Org): string {
  return `orgs/${org.key}/unitMetrics`;
}

export function metricPath(org: Org, metric: string): string {
  return `${metricsCollection(org)}/${metric}`;
}

export function dayPath(org: Org, metric: string, day: string): string {
  return `${metricPath(org, metric)}/days/${day}`;
}

export function journalPath(org: Org, metric: string, number: number): string {
  return `${metricPath(org, metric)}/journal/${number}`;
}

type Stored = Snapshot<MetricDocument> & { body: MetricDocument };

/** The metric as it stands. Throws `METRIC_NOT_FOUND`, also for a deleted one. */
export async function metricNamed(
  org: Org,
  metric: string,
  from: Pick<Documents, "get"> | Pick<Transaction, "get">,
): Promise<Stored> {
  if (!metricForm.test(metric)) throw metricNotFound();
  const stored = await from.get<MetricDocument>(metricPath(org, metric));
  if (stored.body === undefined || stored.body.deletedAt !== null) throw metricNotFound();
  return { ...stored, body: stored.body };
}

function metricNotFound(): AppError {
  return new AppError("METRIC_NOT_FOUND", "There is no such metric.");
}

/** All metrics, deleted ones too. */
export function storedMetrics(org: Org, from: Pick<Documents, "list"> | Pick<Transaction, "list">): Promise<Stored[]> {
  return allDocuments<MetricDocument>({ collection: metricsCollection(org) }, from);
}

/** The metrics that are not deleted, by name. */
export async function listMetrics(
  org: OrgIdentity,
  { documents, now }: { documents: Documents; now: Date },
): Promise<MetricList> {
  const standing = (await storedMetrics(org, documents)).filter(({ body }) => body.deletedAt === null);
  const metrics = standing.map((stored) => metricAnswer(stored.body, instantsOf(stored, now)));
  return { org_slug: org.slug, metrics, total: metrics.length };
}

export function instantsOf(
  { version, createdAt, updatedAt }: Pick<Snapshot<object>, "version" | "createdAt" | "updatedAt">,
  now: Date,
): Parameters<typeof metricAnswer>[1] {
  const instant = now.toISOString();
  return {
    version,
    createdAt: createdAt ?? instant,
    updatedAt: updatedAt ?? instant,
    today: instant.slice(0, 10),
  };
}

export function valuesIn(day: MetricDay | undefined, series: number): DayValue[] {
  if (day === undefined || day.series !== series) return [];
  const values = JSON.parse(day.values) as [string, string, number | null][];
  return values.map(([dimension, quantity, revision]) => ({ dimension, quantity, revision }));
}

export function valuesText(values: readonly DayValue[]): string {
  return JSON.stringify(values.map(({ dimension, quantity, revision }) => [dimension, quantity, revision]));
}

/** The values of the metric's days from one day to another, both included, day by day; days without values do not come. */
export async function* valuesBetween(
  org: Org,
  metric: MetricDocument,
  { start, end }: { start: string; end: string },
  from: Pick<Documents, "getAll"> | Pick<Transaction, "getAll">,
): AsyncGenerator<{ day: string; values: DayValue[] }> {
  const days = daysOf(metric).filter((day) => day >= start && day <= end);
  for (let at = 0; at < days.length; at += readAtOnce) {
    const some = days.slice(at, at + readAtOnce);
    const found = await from.getAll<MetricDay>(some.map((day) => dayPath(org, metric.metric, day)));
    for (const [index, { body }] of found.entries()) {
      const values = valuesIn(body, metric.series);
      if (values.length > 0) yield { day: some[index] ?? "", values };
    }
  }
}
