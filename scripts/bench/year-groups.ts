import { type AmountName, amountNames } from "#shared/costs/sums.ts";
import { charges, type MonthRows, services } from "./org-year.ts";

/** Exact sums in units of 10^-12 dollars, and the number of rows. */
export type UnitSums = Record<AmountName | "rows", bigint>;

/** The three groupings that a cost summary is made of, by the text of their keys joined by `|`. */
export interface YearGroups {
  /** provider, category, charge category. */
  kinds: Map<string, UnitSums>;
  /** provider, service. */
  services: Map<string, UnitSums>;
  /** UTC day. */
  days: Map<string, UnitSums>;
}

export const groupNames = ["kinds", "services", "days"] as const;

export function noGroups(): YearGroups {
  return { kinds: new Map(), services: new Map(), days: new Map() };
}

/** Adds the rows of a month, one by one, in whole numbers of any size. What every other engine must come to. */
export function addRows(groups: YearGroups, rows: MonthRows): void {
  for (let row = 0; row < rows.rows; row++) {
    const service = services[rows.service[row] ?? 0];
    const charge = charges[rows.charge[row] ?? 0];
    const day = rows.days[rows.day[row] ?? 0];
    if (service === undefined || charge === undefined || day === undefined) throw new Error(`row ${row} has no keys`);
    const sums = sumsOfRow(rows, row, charge);
    addTo(groups.kinds, [service.provider, service.category, charge], sums);
    addTo(groups.services, [service.provider, service.name], sums);
    addTo(groups.days, [day], sums);
  }
}

/** Sums of groups that an engine answered as decimal text. */
export function addText(group: Map<string, UnitSums>, keys: readonly unknown[], record: Record<string, unknown>): void {
  const amounts = amountNames.map((name) => [name, unitsOf(String(record[name]))]);
  addTo(group, keys.map(String), { ...Object.fromEntries(amounts), rows: BigInt(String(record["rows"])) });
}

/** All groups of `is` that are not as in `should`, each in words; the first 20. */
export function differences(engine: string, is: YearGroups, should: YearGroups): string[] {
  const found = groupNames.flatMap((name) => {
    const keys = new Set([...is[name].keys(), ...should[name].keys()]);
    return [...keys].flatMap((key) => {
      const [has, wants] = [is[name].get(key), should[name].get(key)];
      return ([...amountNames, "rows"] as const)
        .filter((sum) => has?.[sum] !== wants?.[sum])
        .map((sum) => `${engine}: ${name} ${key} ${sum} is ${has?.[sum]}, exact is ${wants?.[sum]} (10^-12 USD)`);
    });
  });
  return found.slice(0, 20);
}

/** The groups as one line of JSON; `readGroupsText` reads it. */
export function groupsText(groups: YearGroups): string {
  const entries = Object.entries(groups).map(([name, group]) => [name, [...group]]);
  return JSON.stringify(Object.fromEntries(entries), (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
}

export function readGroupsText(text: string): YearGroups {
  const read = JSON.parse(text) as Record<keyof YearGroups, [string, Record<string, string>][]>;
  const groups = noGroups();
  for (const name of groupNames) {
    for (const [key, sums] of read[name]) {
      const exact = Object.entries(sums).map(([sum, units]) => [sum, BigInt(units)]);
      groups[name].set(key, Object.fromEntries(exact) as UnitSums);
    }
  }
  return groups;
}

export function addSums(a: UnitSums | undefined, b: UnitSums): UnitSums {
  if (a === undefined) return { ...b };
  const sums = { ...a };
  for (const name of [...amountNames, "rows"] as const) sums[name] += b[name];
  return sums;
}

/** Sums of the groups whose key passes, by the part of the key that the function names. */
export function regrouped(
  group: ReadonlyMap<string, UnitSums>,
  keyOf: (keys: string[]) => string,
): Map<string, UnitSums> {
  const fewer = new Map<string, UnitSums>();
  for (const [key, sums] of group) {
    const name = keyOf(key.split("|"));
    fewer.set(name, addSums(fewer.get(name), sums));
  }
  return fewer;
}

function sumsOfRow(rows: MonthRows, row: number, charge: (typeof charges)[number]): UnitSums {
  const units = (amounts: Float64Array): bigint => BigInt(amounts[row] ?? 0);
  const [effective, billed, list, contracted] = [
    units(rows.effective),
    units(rows.billed),
    units(rows.list),
    units(rows.contracted),
  ];
  const isSaving = rows.isCorrection[row] === 0 && (charge === "Usage" || (charge === "Purchase" && effective !== 0n));
  return {
    effective,
    billed,
    list,
    contracted,
    negotiated: isSaving ? list - contracted : 0n,
    commitment: isSaving ? contracted - effective : 0n,
    credits: charge === "Credit" ? billed : 0n,
    rows: 1n,
  };
}

function addTo(group: Map<string, UnitSums>, keys: readonly string[], sums: UnitSums): void {
  const key = keys.join("|");
  const known = group.get(key);
  if (known === undefined) group.set(key, { ...sums });
  else for (const name of [...amountNames, "rows"] as const) known[name] += sums[name];
}

export function unitsOf(text: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(text);
  if (match === null) throw new Error(`${JSON.stringify(text)} is no amount of at most 12 decimals`);
  const units = BigInt(`${match[2]}${(match[3] ?? "").padEnd(12, "0")}`);
  return match[1] === "-" ? -units : units;
}
