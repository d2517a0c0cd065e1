import type { DataFrame } from "nodejs-polars";
import { divided, type Share } from "#shared/hierarchy/shares.ts";
import { entityKeys, frameKeys } from "./month-frame.ts";
import { type AmountName, amountNames, bases, nativeNames, nativePrefix } from "./sums.ts";

type Polars = typeof import("nodejs-polars")["default"];
type Place = Readonly<Record<(typeof entityKeys)[number], string>>;

/** A share of a row, and the keys its part stands under. */
export interface PlacedShare {
  share: Share;
  place: Place;
}

const sumNames = [...amountNames, ...nativeNames];
const prefixes = ["", nativePrefix] as const;
const sliceRows = 5_000;

interface PartGroup {
  keys: readonly string[];
  units: Map<string, bigint>;
  rows: number;
}

/**
 * Divides rows, each on its own, and groups the parts as a month frame with the entity keys. Every cost column is divided
 * by itself; what is derived from costs follows their parts. The rows are frames of single rows with an `assignment`.
 */
export async function dividedRows(
  pl: Polars,
  rows: DataFrame,
  sharesOf: (assignment: number, day: string) => readonly PlacedShare[],
): Promise<DataFrame> {
  const groups = new Map<string, PartGroup>();
  const names = [...frameKeys, ...sumNames];
  const texts = rows.select(pl.cols([...names, "assignment"]).cast(pl.Utf8));
  for (let at = 0; at < texts.height; at += sliceRows) {
    for (const record of texts.slice(at, sliceRows).toRecords()) {
      const shares = sharesOf(Number(record["assignment"]), String(record["day"]));
      addParts(groups, record, shares);
    }
  }
  return frameOf(pl, [...groups.values()]);
}

function addParts(
  groups: Map<string, PartGroup>,
  record: Readonly<Record<string, unknown>>,
  placed: readonly PlacedShare[],
): void {
  const parts = partsOf(record, placed);
  const largest = largestPart(placed);
  const keys = frameKeys.map((key) => String(record[key]));
  for (const [at, { place }] of placed.entries()) {
    const own = [...keys, ...entityKeys.map((key) => place[key])];
    const id = JSON.stringify(own);
    const group = groups.get(id) ?? { keys: own, units: new Map<string, bigint>(), rows: 0 };
    groups.set(id, group);
    group.rows += at === largest ? 1 : 0;
    for (const [name, units] of parts) group.units.set(name, (group.units.get(name) ?? 0n) + (units[at] ?? 0n));
  }
}

/** By name of the sum, the units of each share. Savings and credits are differences of parts: they sum as the row does. */
function partsOf(record: Readonly<Record<string, unknown>>, placed: readonly PlacedShare[]): Map<string, bigint[]> {
  const shares = placed.map(({ share }) => share);
  const parts = new Map<string, bigint[]>();
  for (const prefix of prefixes) {
    const costs = new Map(bases.map((name) => [name, divided(unitsOfText(record[`${prefix}${name}`]), shares)]));
    const cost = (name: (typeof bases)[number], at: number): bigint => costs.get(name)?.[at] ?? 0n;
    const derived: Record<Exclude<AmountName, (typeof bases)[number]>, (at: number) => bigint> = {
      negotiated: (at) => cost("list", at) - cost("contracted", at),
      commitment: (at) => cost("contracted", at) - cost("effective", at),
      credits: (at) => cost("billed", at),
    };
    for (const [name, units] of costs) parts.set(`${prefix}${name}`, units);
    for (const [name, of] of Object.entries(derived)) {
      // A row that does not count for it has 0, and so have its parts.
      const counts = unitsOfText(record[`${prefix}${name}`]) !== 0n;
      parts.set(
        `${prefix}${name}`,
        placed.map((_share, at) => (counts ? of(at) : 0n)),
      );
    }
  }
  return parts;
}

/** The share a divided row is counted at: the largest, of equal ones the smallest id, which stands first. */
function largestPart(placed: readonly PlacedShare[]): number {
  let largest = 0;
  for (const [at, { share }] of placed.entries())
    if (share.weight > (placed[largest]?.share.weight ?? 0n)) largest = at;
  return largest;
}

/** Decimal text of a column of scale 12, as units of 10^-12. */
function unitsOfText(value: unknown): bigint {
  const text = String(value);
  const [whole = "0", fraction = ""] = text.replace("-", "").split(".");
  if (fraction.length > 12) throw new Error(`an amount of more than 12 decimals: ${text}`);
  const units = BigInt(`${whole}${fraction.padEnd(12, "0")}`);
  return text.startsWith("-") ? -units : units;
}

function textOfUnits(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(13, "0");
  return `${units < 0n ? "-" : ""}${digits.slice(0, -12)}.${digits.slice(-12)}`;
}

function frameOf(pl: Polars, groups: readonly PartGroup[]): DataFrame {
  const keyNames = [...frameKeys, ...entityKeys];
  const texts = pl.DataFrame([
    ...keyNames.map((name, at) =>
      pl.Series(
        name,
        groups.map(({ keys }) => keys[at] ?? ""),
        pl.Utf8,
      ),
    ),
    ...sumNames.map((name) =>
      pl.Series(
        name,
        groups.map(({ units }) => textOfUnits(units.get(name) ?? 0n)),
        pl.Utf8,
      ),
    ),
    pl.Series(
      "rows",
      groups.map(({ rows }) => String(rows)),
      pl.Utf8,
    ),
  ]);
  const isFlag = (name: string): boolean => name === "simulated" || name === "converted";
  return texts.select(
    ...keyNames.map((name) => {
      if (name === "day") return pl.col(name).str.strptime(pl.Date, "%Y-%m-%d").alias(name);
      return isFlag(name) ? pl.col(name).eq(pl.lit("true")).alias(name) : pl.col(name);
    }),
    ...sumNames.map((name) => pl.col(name).cast(pl.Decimal(38, 12), true)),
    pl.col("rows").cast(pl.Int64),
  );
}
