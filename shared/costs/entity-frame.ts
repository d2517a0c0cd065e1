import type { DataFrame } from "nodejs-polars";
import { type AllocationInput, type Assignment, allocator } from "#shared/hierarchy/allocate.ts";
import {
  type AssignmentKey,
  type Attribute,
  emptyKey,
  matchedAttributes,
  tagsOf,
} from "#shared/hierarchy/assignment-key.ts";
import { type SpreadWeights, spreadShares } from "#shared/hierarchy/rule-action.ts";
import type { Share } from "#shared/hierarchy/shares.ts";
import { lineOf } from "#shared/hierarchy/tree.ts";
import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import type { TableSource, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
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
  serviceTier: "x_service_tier",
  meter: "SkuMeter",
};
const tagsColumn = "Tags";
const dayColumn = "x_charge_date";
/** What every allocation looks at, whatever its rules say. */
const alwaysLooked: readonly Attribute[] = ["credentialId", "planLine", "subscriptionId"];

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
  by: { warehouse: Warehouse; conversion: Conversion; input: AllocationInput },
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
  const { conversion } = by;
  const isWhole = pl.col(kindColumn).eq(pl.lit(kinds.whole));
  const whole = await groupedRows(pl, numbered.filter(isWhole), { conversion, further: [assignmentColumn] });
  const placed = await placedGroups(pl, whole, assignments);
  const parts = [placed];
  const others = numbered.filter(isWhole.not());
  if (others.height > 0) {
    const further = [assignmentColumn, kindColumn, rowColumn];
    const rest = await groupedRows(pl, others, { conversion, further });
    parts.push(...(await dividedParts(pl, rest, { assignments, placed, input: by.input })));
  }
  return checkedFrame(pl, pl.concat(parts), month);
}

function kindOf(assignment: Assignment | undefined): number {
  if (assignment?.kind === "spread") return kinds.spread;
  return assignment?.shares.length === 1 ? kinds.whole : kinds.divided;
}

/** The attributes that decide: those of the steps and those that an active rule names. */
function lookedAt({ rules }: AllocationInput): Attribute[] {
  const looked = new Set<Attribute>(alwaysLooked);
  for (const { isActive, match, action } of rules) {
    if (!isActive) continue;
    for (const [list, attribute] of Object.entries(matchedAttributes))
      if (match[list as keyof typeof matchedAttributes] !== undefined) looked.add(attribute);
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
): { numbers: number[]; assignments: Assignment[] } {
  const assign = allocator(input);
  const text = (column: string): (string | null)[] => rows.getColumn(column).toArray() as (string | null)[];
  const columns = attributes.map((name) => [name, text(attributeColumns[name])] as const);
  const tags = text(tagsColumn);
  const days = rows.select(pl.col(dayColumn).cast(pl.Utf8)).getColumn(dayColumn).toArray() as string[];
  const known = new Map<string, number>();
  const assignments: Assignment[] = [];
  const numbers = days.map((day, at) => {
    const values = columns.map(([, column]) => column[at] ?? null);
    const id = JSON.stringify([day, tags[at], values]);
    const number = known.get(id) ?? assignments.length;
    if (number === assignments.length) {
      known.set(id, number);
      assignments.push(
        assign(
          keyOf(
            day,
            tags[at] ?? null,
            columns.map(([name], index) => [name, values[index] ?? null]),
          ),
        ),
      );
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

/** Groups of rows that go to one entity whole, under that entity. */
async function placedGroups(pl: Polars, groups: DataFrame, assignments: readonly Assignment[]): Promise<DataFrame> {
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
function placeOf(assignment: Assignment, share = firstShare(assignment)): Record<(typeof entityKeys)[number], string> {
  const method = assignment.kind === "spread" ? "spread" : assignment.method;
  return {
    entity: share?.entityId ?? "",
    method: share?.reason == null ? method : "unallocated",
    reason: share?.reason ?? "",
    rule: assignment.ruleId ?? "",
  };
}

function firstShare(assignment: Assignment): Share | undefined {
  return assignment.kind === "shares" ? assignment.shares[0] : undefined;
}

/** Rows that are divided: first those whose shares stand, then those that are spread by what all others reached. */
async function dividedParts(
  pl: Polars,
  rows: DataFrame,
  by: { assignments: readonly Assignment[]; placed: DataFrame; input: AllocationInput },
): Promise<DataFrame[]> {
  const { assignments, input } = by;
  const isSpread = pl.col(kindColumn).eq(pl.lit(kinds.spread));
  const at = (number: number): Assignment => {
    const assignment = assignments[number];
    if (assignment === undefined) throw new Error(`no assignment ${number}`);
    return assignment;
  };
  const fixed = rows.filter(isSpread.not());
  const first = await dividedRows(pl, fixed, (number) => {
    const assignment = at(number);
    const shares = assignment.kind === "shares" ? assignment.shares : [];
    return shares.map((share) => ({ share, place: placeOf(assignment, share) }));
  });
  const spread = rows.filter(isSpread);
  if (spread.height === 0) return [first];
  const direct = await directCosts(pl, pl.concat([by.placed, first]), input);
  const second = await dividedRows(pl, spread, (number, day) => {
    const assignment = at(number);
    if (assignment.kind !== "spread") return [];
    const weights = direct(assignment.spread.period === "day" ? day : undefined);
    return spreadShares(assignment.spread, weights).map((share) => ({ share, place: placeOf(assignment, share) }));
  });
  return [first, second];
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
