import { keyText, type PriceVersion } from "./price.ts";

export const everywhere = "global";

/** True for a version of the region and for one of everywhere. */
export function isOfRegion({ region }: Pick<PriceVersion, "region">, asked: string): boolean {
  return region === asked || region === everywhere;
}

/**
 * The versions in force on a UTC day, at most one per scope, kind and key: a version ends the day before the next of its
 * key starts, or on its own last day, whichever is earlier. Source: `prices-and-plans.md` A1.
 */
export function versionsOn(versions: readonly PriceVersion[], day: string): PriceVersion[] {
  const latest = new Map<string, PriceVersion>();
  for (const version of versions) {
    if (version.effectiveFrom > day) continue;
    const key = lineText(version);
    const known = latest.get(key);
    if (known === undefined || known.effectiveFrom < version.effectiveFrom) latest.set(key, version);
  }
  return [...latest.values()].filter(({ effectiveTo }) => effectiveTo === null || day <= effectiveTo);
}

/** The versions that follow each other: those of one key in one layer. */
export function lineText(version: PriceVersion): string {
  return `${version.scope} ${version.kind === "override" ? "override" : "row"} ${keyText(version)}`;
}

/** The last UTC day of a version among the others of its line; null while nothing ends it. */
export function lastDayOf(version: PriceVersion, others: readonly PriceVersion[]): string | null {
  const line = lineText(version);
  const next = others
    .filter((other) => lineText(other) === line && other.effectiveFrom > version.effectiveFrom)
    .map(({ effectiveFrom }) => dayBefore(effectiveFrom))
    .sort()[0];
  const ends = [next, version.effectiveTo].filter((day) => day !== undefined && day !== null);
  return ends.sort()[0] ?? null;
}

function dayBefore(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
}
