import { type Static, Type } from "@sinclair/typebox";
import { currentTree } from "#shared/hierarchy/hierarchy-store.ts";
import { actorOf, type OnStructure } from "#shared/hierarchy/structure-change.ts";
import type { Tree } from "#shared/hierarchy/tree.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, plainText, strictObject } from "#shared/runtime/schema.ts";
import { dayTotalText, type WriteMode, type WrittenDay, writtenDay } from "./day-values.ts";
import { type MetricDocument, withDay } from "./metric.ts";
import {
  type DayValue,
  dayPath,
  journalPath,
  type MetricDay,
  type MetricJournal,
  metricNamed,
  valuesIn,
  valuesText,
} from "./metric-store.ts";
import { checkedValue, fileValues, type MeasuredValue } from "./value-rows.ts";

/** A body that holds the largest file. */
export const importBodyBytes = 6 * 1024 * 1024;
const daysAtOnce = 30;

export const ValuesRequest = strictObject({
  values: Type.Array(
    strictObject({
      day: Type.String({ format: "date" }),
      dimension: plainText(0, 200, { default: "" }),
      quantity: Type.Union([Type.Number({ minimum: 0 }), Type.String({ maxLength: 40 })]),
      revision: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    }),
    { minItems: 1, maxItems: 1000 },
  ),
});
export type ValuesRequest = Static<typeof ValuesRequest>;

export const ValuesPut = strictObject({
  accepted: Type.Integer(),
  unchanged: Type.Integer(),
  stale: Type.Integer({ description: "Of a lower revision than what is stored: ignored" }),
});
export type ValuesPut = Static<typeof ValuesPut>;

export const MetricImportRequest = strictObject({
  csv_content: Type.String({ description: "Columns day, dimension, quantity; at most 5 MB and 50,000 rows" }),
  mode: choice(["replace_days", "merge"], { default: "replace_days" }),
  dry_run: Type.Boolean({ default: false }),
});
export type MetricImportRequest = Static<typeof MetricImportRequest>;

export const MetricImport = strictObject({
  days: Type.Integer(),
  rows: Type.Integer(),
  added: Type.Integer(),
  changed: Type.Integer(),
  unchanged: Type.Integer(),
  removed: Type.Integer(),
  errors: Type.Array(strictObject({ row: Type.Integer(), field: Type.String(), problem: Type.String() })),
});
export type MetricImport = Static<typeof MetricImport>;

interface OnMetric extends OnStructure {
  metric: string;
}

type Ports = { documents: Documents };
type Counts = Omit<WrittenDay, "values">;
const noCounts: Counts = { added: 0, changed: 0, unchanged: 0, stale: 0, removed: 0 };

/** What one call writes, by day, and the metric it was checked against. */
interface Writing extends OnMetric {
  mode: WriteMode;
  source: MetricDay["source"];
  series: number;
  days: readonly (readonly [day: string, values: readonly DayValue[]])[];
}

/**
 * Adds values, or puts them in the place of older ones. Throws `METRIC_NOT_FOUND`, `INVALID_BODY` naming every value,
 * `DAY_TOO_LARGE`, before anything is written.
 */
export async function putValues(
  asked: OnMetric & { request: ValuesRequest },
  effects: Effects<ValuesPut>,
  { documents }: Ports,
): Promise<Answer<ValuesPut>> {
  const { metric, tree } = await writable(asked, documents);
  const checked = asked.request.values.map(({ day, dimension, quantity, revision = null }, at) =>
    checkedValue({ day, dimension, quantity: String(quantity), revision }, at, { metric, tree }),
  );
  const fields = checked
    .flatMap((each) => ("problems" in each ? each.problems : []))
    .map(({ row, field, problem }) => ({ path: `/values/${row}/${field}`, problem }));
  if (fields.length > 0) throw new AppError("INVALID_BODY", `${fields[0]?.path} ${fields[0]?.problem}.`, { fields });
  const values = checked.flatMap((each) => ("value" in each ? [each.value] : []));
  const writing: Writing = { ...asked, mode: "merge", source: "api", series: metric.series, days: byDay(values) };
  // What one transaction holds is refused whole by itself.
  if (writing.days.length > daysAtOnce) await lookedAt(writing, metric, documents);
  return written(writing, effects, ({ added, changed, unchanged, stale }) => ({
    accepted: added + changed,
    unchanged,
    stale,
  }));
}

/**
 * Values of a file: whole days, or beside what is there. The whole file is checked first. Throws `METRIC_NOT_FOUND`,
 * `IMPORT_TOO_LARGE`, `INVALID_BODY`, `METRIC_IMPORT_INVALID` naming every row, `DAY_TOO_LARGE`.
 */
export async function importValues(
  asked: OnMetric & { request: MetricImportRequest },
  effects: Effects<MetricImport>,
  { documents }: Ports,
): Promise<Answer<MetricImport>> {
  const { csv_content, mode, dry_run: isDry } = asked.request;
  const { metric, tree } = await writable(asked, documents);
  const { values, problems } = fileValues(csv_content, { metric, tree });
  const days = byDay(values);
  if (problems.length > 0 && !isDry)
    throw new AppError("METRIC_IMPORT_INVALID", `The file has ${problems.length} errors; nothing is written.`, {
      extra: { errors: problems },
    });
  const writing: Writing = { ...asked, mode, source: "import", series: metric.series, days };
  const answerOf = ({ stale: _stale, ...counts }: Counts): MetricImport => ({
    days: days.length,
    rows: values.length,
    ...counts,
    errors: problems,
  });
  // Looked at before the first of several transactions: what would be refused leaves everything as it was.
  const looked = await lookedAt(writing, metric, documents);
  if (!isDry) return written(writing, effects, answerOf);
  return effects.commit(async (change) => {
    await effects.prepare(change);
    const answer = answerOf(looked);
    effects.conclude(change, answer, { resourceId: metric.metric, isAudited: true });
    return answer;
  });
}

async function writable(
  { org, metric: name }: OnMetric,
  documents: Documents,
): Promise<{ metric: MetricDocument; tree: Tree | undefined }> {
  const { body: metric } = await metricNamed(org, name, documents);
  return { metric, tree: metric.dimension === "entity" ? await currentTree(org, documents) : undefined };
}

function byDay(values: readonly MeasuredValue[]): Writing["days"] {
  const days = new Map<string, DayValue[]>();
  for (const { day, ...value } of values) {
    const known = days.get(day);
    if (known === undefined) days.set(day, [value]);
    else known.push(value);
  }
  return [...days].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function lookedAt({ org, days, mode }: Writing, metric: MetricDocument, documents: Documents): Promise<Counts> {
  let counts = noCounts;
  for (let at = 0; at < days.length; at += daysAtOnce) {
    const some = days.slice(at, at + daysAtOnce);
    const stored = await documents.getAll<MetricDay>(some.map(([day]) => dayPath(org, metric.metric, day)));
    for (const [index, [, values]] of some.entries())
      counts = summed(counts, writtenDay(valuesIn(stored[index]?.body, metric.series), values, mode));
  }
  return counts;
}

function summed(counts: Counts, day: Counts): Counts {
  return {
    added: counts.added + day.added,
    changed: counts.changed + day.changed,
    unchanged: counts.unchanged + day.unchanged,
    stale: counts.stale + day.stale,
    removed: counts.removed + day.removed,
  };
}

/** Thirty days in a transaction, the last of which holds the audit row; repeating resumes where a crash came between. */
async function written<T>(writing: Writing, effects: Effects<T>, answerOf: (counts: Counts) => T): Promise<T> {
  let counts = noCounts;
  const { days } = writing;
  for (let at = 0; at + daysAtOnce < days.length; at += daysAtOnce) {
    const some = days.slice(at, at + daysAtOnce);
    counts = summed(counts, await effects.commit((change) => writeDays(writing, some, change)));
  }
  const last = days.slice(Math.floor(Math.max(0, days.length - 1) / daysAtOnce) * daysAtOnce);
  const before = counts;
  return effects.commit(async (change) => {
    const all = summed(before, await writeDays(writing, last, change, () => effects.prepare(change)));
    const answer = answerOf(all);
    effects.conclude(change, answer, { resourceId: writing.metric, details: { days: days.length, ...all } });
    return answer;
  });
}

async function writeDays(
  { org, caller, metric: name, mode, source, series }: Writing,
  days: Writing["days"],
  change: Change,
  prepare: () => Promise<void> = async () => {},
): Promise<Counts> {
  const { body: metric, path } = await metricNamed(org, name, change);
  if (metric.series !== series)
    throw new AppError("VERSION_CONFLICT", "The metric was made anew meanwhile.", { retryable: true });
  const stored = await change.getAll<MetricDay>(days.map(([day]) => dayPath(org, name, day)));
  const number = metric.valuesVersion + 1;
  const journal = await change.get<MetricJournal>(journalPath(org, name, number));
  await prepare();
  const [now, by] = [change.now.toISOString(), actorOf(caller)];
  const journaled: MetricJournal["days"] = [];
  let [counts, inDays] = [noCounts, metric.days];
  for (const [index, [day, incoming]] of days.entries()) {
    const body = stored[index]?.body;
    const before = valuesIn(body, series);
    const after = writtenDay(before, incoming, mode);
    counts = summed(counts, after);
    if (valuesText(after.values) === valuesText(before)) continue;
    const revision = (body?.revision ?? 0) + 1;
    const values = valuesText(after.values);
    change.set<MetricDay>(dayPath(org, name, day), {
      day,
      series,
      values,
      revision,
      source,
      updatedAt: now,
      updatedBy: by,
    });
    journaled.push({ day, before: dayTotalText(before), after: dayTotalText(after.values) });
    inDays = withDay(inDays, day, after.values.length > 0);
  }
  if (journaled.length === 0) return counts;
  change.set<MetricDocument>(path, { ...metric, days: inDays, valuesVersion: number });
  change.set<MetricJournal>(journal.path, { number, at: now, by, source, days: journaled });
  return counts;
}
