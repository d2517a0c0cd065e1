import type { DataFrame } from "nodejs-polars";
import { type AllocationInput, type Assignment, allocator } from "#shared/hierarchy/allocate.ts";
import { type AssignmentKey, type Attribute, emptyKey, tagsOf } from "#shared/hierarchy/assignment-key.ts";
import { attributesOf } from "#shared/hierarchy/row-mark.ts";
import { type SpreadTarget, type SpreadWeights, spreadShares } from "#shared/hierarchy/rule-action.ts";
import type { Share } from "#shared/hierarchy/shares.ts";
import { lineOf } from "#shared/hierarchy/tree.ts";
import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import type { BatchDays, TableSource, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Conversion } from "./conversion.ts";
import { checkedFrame, entityKeys, frameKeys, groupedRows, type MonthFrame, monthRows } from "./month-frame.ts";
import { dividedRows } from "./split-rows.ts";
import { amountNames, nativeNames } from "./sums.ts";

type Polars = typeof import("nodejs-polars")["default"];

/** The columns that rules and steps look at. */
const attributeColumns: Readonly<Record<Attribute, string>> = {
  provider: "x_provider",
  credentialId: "x_credential_id",
  environment: "x_environment",
  serviceCategory: "ServiceCategory",
  serviceName: "ServiceName",
  subAccountId: "SubAccountId",
  subAccountName: "SubAccountName",
  billingAccountId: "BillingAccountId",
  apiKeyId: "x_api_key_id",
  model: "x_model",
  region: "RegionId",
  chargeCategory: "ChargeCategory",
  chargeDescription: "ChargeDescription",
  resourceId: "ResourceId",
  planLine: "x_plan_line_id",
  subscriptionId: "x_subscription_id",
  pipelineId: "x_pipeline_id",
  serviceTier: "x_service_tier",
  meter: "x_token_type",
};
const tagsColumn = "Tags";
const dayColumn = "x_charge_date";
/** What every allocation looks at, whatever its rules say. */
const alwaysLooked: readonly Attribute[] = ["credentialId", "planLine", "subscriptionId", "pipelineId"];

/** Columns added to the rows on their way. */
const assignmentColumn = "assignment";
const rowColumn = "row_number";
const kindColumn = "kind";
const kinds = { whole: 0, divided: 1, spread: 2 } as const;

/**
 * As `buildMonthFrame`, with the keys `entityKeys` beside: the same rows, each at the entity it reaches, divided rows in
 * exact parts. Sums over all entities and `UNALLOCATED` are those of the month without allocation. A divided row is
 * counted once, at its largest part. Source: hierarchy.md 2.
 */
export async function buildEntityFrame(
  month: PublishedMonth,
  source: TableSource,
  by: { warehouse: Warehouse; conversion: Conversion; weightConversion?: Conversion; input: AllocationInput },
): Promise<MonthFrame> {
  const { default: pl } = await import("nodejs-polars");
  const attributes = lookedAt(by.input);
  const further = [...attributes.map((name) => attributeColumns[name]), tagsColumn];
  const rows = await monthRows(month, source, { warehouse: by.warehouse, further });
  const { numbers, assignments } = assignedRows(pl, rows, { attributes, input: by.input });
  const kindsOfRows = numbers.map((number) => kindOf(assignments[number]));
  const numbered = rows.withColumns(
    pl.Series(assignmentColumn, numbers, pl.Int32),
    pl.Series(rowColumn, Array.from(numbers.keys()), pl.Int32),
    pl.Series(kindColumn, kindsOfRows, pl.Int32),
  );
  const { conversion, input } = by;
  const first = await firstPass(pl, numbered, { conversion, assignments });
  const isSpread = pl.col(kindColumn).eq(pl.lit(kinds.spread));
  const spread = numbered.filter(isSpread);
  if (spread.height === 0) return checkedFrame(pl, first, month);
  // Weights are the same whatever currency is asked for: those of the organization's own.
  const { weightConversion = conversion } = by;
  const isOwn = weightConversion.currency === conversion.currency;
  const weighed = isOwn ? first : await firstPass(pl, numbered, { conversion: weightConversion, assignments });
  const weights = await spreadWeights(pl, weighed, input);
  const single = await groupedRows(pl, spread, { conversion, further: [assignmentColumn, rowColumn] });
  const second = await spreadRows(pl, single, { assignments, weights });
  return checkedFrame(pl, pl.concat([first, second]), month);
}

/** What the rows of one month reach without those that are spread. */
async function firstPass(
  pl: Polars,
  rows: DataFrame,
  { conversion, assignments }: { conversion: Conversion; assignments: readonly Decided[] },
): Promise<DataFrame> {
  const ofKind = (kind: number): DataFrame => rows.filter(pl.col(kindColumn).eq(pl.lit(kind)));
  const whole = await groupedRows(pl, ofKind(kinds.whole), { conversion, further: [assignmentColumn] });
  const placed = await placedGroups(pl, whole, assignments);
  const others = ofKind(kinds.divided);
  if (others.height === 0) return placed;
  const single = await groupedRows(pl, others, { conversion, further: [assignmentColumn, rowColumn] });
  const parts = await dividedRows(pl, single, (number) => {
    const assignment = assignmentAt(assignments, number);
    const shares = assignment.kind === "shares" ? assignment.shares : [];
    return shares.map((share) => ({ share, place: placeOf(assignment, share) }));
  });
  return pl.concat([placed, parts]);
}

function assignmentAt(assignments: readonly Decided[], number: number): Decided {
  const assignment = assignments[number];
  if (assignment === undefined) throw new Error(`no assignment ${number}`);
  return assignment;
}

/** An assignment, and what its rows are marked with. */
type Decided = Assignment & { mark: string };

function kindOf(assignment: Assignment | undefined): number {
  if (assignment?.kind === "spread") return kinds.spread;
  return assignment?.shares.length === 1 ? kinds.whole : kinds.divided;
}

/** The attributes that decide: those of the steps and those that an active rule names. */
function lookedAt({ rules, mark }: AllocationInput): Attribute[] {
  const active = rules.filter(({ isActive }) => isActive);
  const named = active.flatMap(({ match }) => attributesOf(match));
  const looked = new Set<Attribute>([...alwaysLooked, ...named, ...(mark?.attributes ?? [])]);
  for (const { action } of active) {
    if (action.entity_from !== undefined)
      for (const name of ["subAccountId", "subAccountName", "apiKeyId"] as const) looked.add(name);
    if (action.type === "usage_share")
      for (const name of ["provider", "subAccountId", "model", "serviceTier", "meter"] as const) looked.add(name);
  }
  return [...looked];
}

/** Each row's number in the list of assignments; rows that look alike are decided once. */
function assignedRows(
  pl: Polars,
  rows: DataFrame,
  { attributes, input }: { attributes: readonly Attribute[]; input: AllocationInput },
): { numbers: number[]; assignments: Decided[] } {
  const assign = allocator(input);
  const text = (column: string): (string | null)[] => rows.getColumn(column).toArray() as (string | null)[];
  const columns = attributes.map((name) => [name, text(attributeColumns[name])] as const);
  const tags = text(tagsColumn);
  const days = rows.select(pl.col(dayColumn).cast(pl.Utf8)).getColumn(dayColumn).toArray() as string[];
  const known = new Map<string, number>();
  const assignments: Decided[] = [];
  const numbers = days.map((day, at) => {
    const values = columns.map(([, column]) => column[at] ?? null);
    const id = JSON.stringify([day, tags[at], values]);
    const number = known.get(id) ?? assignments.length;
    if (number === assignments.length) {
      known.set(id, number);
      const named = columns.map(([name], index) => [name, values[index] ?? null] as const);
      const key = keyOf(day, tags[at] ?? null, named);
      assignments.push({ ...assign(key), mark: input.mark?.of(key) ?? "" });
    }
    return number;
  });
  return { numbers, assignments };
}

function keyOf(
  day: string,
  tags: string | null,
  attributes: readonly (readonly [Attribute, string | null])[],
): AssignmentKey {
  const key: { -readonly [Name in keyof AssignmentKey]: AssignmentKey[Name] } = {
    ...emptyKey,
    day,
    tags: tagsOf(tags),
  };
  for (const [name, value] of attributes) key[name] = value?.normalize("NFC") ?? null;
  key.environment ??= "prod";
  return key;
}

/** What of a stored row decides where it goes; undefined when none of these parts holds it. */
export async function rowAttributes(
  source: TableSource,
  { parts, row, warehouse }: { parts: readonly BatchDays[]; row: string; warehouse: Warehouse },
): Promise<AssignmentKey | undefined> {
  const { default: pl } = await import("nodejs-polars");
  const names = Object.entries(attributeColumns) as [Attribute, string][];
  const columns = [...new Set(["x_row_id", dayColumn, tagsColumn, ...names.map(([, column]) => column)])];
  const frame = await warehouse.read(source, parts, columns);
  const found = await frame
    .lazy()
    .filter(pl.col("x_row_id").eq(pl.lit(row)))
    .select(pl.cols(columns).cast(pl.Utf8))
    .collect();
  const [record] = found.toRecords();
  if (record === undefined) return undefined;
  const text = (column: string): string | null => (record[column] == null ? null : String(record[column]));
  const attributes = names.map(([name, column]) => [name, text(column)] as const);
  return keyOf(String(record[dayColumn]), text(tagsColumn), attributes);
}

/** Groups of rows that go to one entity whole, under that entity. */
async function placedGroups(pl: Polars, groups: DataFrame, assignments: readonly Decided[]): Promise<DataFrame> {
  const places = assignments.map((assignment) => placeOf(assignment));
  const text = (name: (typeof entityKeys)[number]) =>
    pl.Series(
      name,
      places.map((place) => place[name]),
      pl.Utf8,
    );
  const numbers = pl.Series(assignmentColumn, Array.from(places.keys()), pl.Int32);
  const table = pl.DataFrame([numbers, ...entityKeys.map(text)]);
  return groups
    .lazy()
    .join(table.lazy(), { on: [assignmentColumn], how: "left" })
    .groupBy(pl.cols([...frameKeys, ...entityKeys]), { maintainOrder: false })
    .agg(pl.cols([...amountNames, ...nativeNames, "rows"]).sum())
    .collect();
}

/** Empty text where a key says nothing: null would be no key. */
function placeOf(assignment: Decided, share = firstShare(assignment)): Record<(typeof entityKeys)[number], string> {
  const method = assignment.kind === "spread" ? "spread" : assignment.method;
  return {
    entity: share?.entityId ?? "",
    method: share?.reason == null ? method : "unallocated",
    reason: share?.reason ?? "",
    rule: assignment.ruleId ?? "",
    mark: assignment.mark,
  };
}

function firstShare(assignment: Assignment): Share | undefined {
  return assignment.kind === "shares" ? assignment.shares[0] : undefined;
}

/** Rows that are spread by what all others reached, or by a metric. */
function spreadRows(
  pl: Polars,
  rows: DataFrame,
  { assignments, weights }: { assignments: readonly Decided[]; weights: SpreadWeightsOf },
): Promise<DataFrame> {
  return dividedRows(pl, rows, (number, day) => {
    const assignment = assignmentAt(assignments, number);
    if (assignment.kind !== "spread") return [];
    const { spread } = assignment;
    const shares = spreadShares(spread, weights(spread, spread.period === "day" ? day : undefined));
    return shares.map((share) => ({ share, place: placeOf(assignment, share) }));
  });
}

/** By what a spread weighs, in a UTC day or, without one, in the whole month. */
type SpreadWeightsOf = (spread: Pick<SpreadTarget, "weight" | "metric">, day: string | undefined) => SpreadWeights;

async function spreadWeights(pl: Polars, firstPassed: DataFrame, input: AllocationInput): Promise<SpreadWeightsOf> {
  const direct = await directCosts(pl, firstPassed, input);
  return ({ weight, metric }, day) => {
    if (weight !== "metric") return direct(day);
    return input.metricWeights?.(metric ?? "", day) ?? new Map();
  };
}

/** Direct effective cost of every entity's subtree in a day, or in the whole month, net, of the converted rows. */
async function directCosts(
  pl: Polars,
  firstPass: DataFrame,
  { tree }: AllocationInput,
): Promise<(day: string | undefined) => SpreadWeights> {
  const sums = await firstPass
    .lazy()
    .filter(pl.col("converted").eq(pl.lit(true)))
    .groupBy(["day", "entity"])
    .agg(pl.col("effective").sum())
    .select(pl.cols(["day", "entity", "effective"]).cast(pl.Utf8))
    .collect();
  const byPeriod = new Map<string, Map<string, Decimal>>();
  const add = (period: string, entity: string, amount: Decimal): void => {
    const weights = byPeriod.get(period) ?? new Map<string, Decimal>();
    byPeriod.set(period, weights);
    for (const { id } of lineOf(tree, entity)) weights.set(id, (weights.get(id) ?? zero).plus(amount));
  };
  for (const record of sums.toRecords()) {
    const amount = parseAmount(String(record["effective"]));
    add(String(record["day"]), String(record["entity"]), amount);
    add("", String(record["entity"]), amount);
  }
  return (day) => byPeriod.get(day ?? "") ?? new Map();
}
