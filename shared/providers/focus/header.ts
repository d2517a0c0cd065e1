import type { FocusModel } from "./columns.ts";
import { fileLimits } from "./limits.ts";
import { excerpt, fileRefused } from "./refusal.ts";

/** What a file says it delivers. */
export interface Delivered {
  /** Trimmed, in the order of the file. */
  names: readonly string[];
  /** Place of each FOCUS column that is delivered. */
  places: ReadonlyMap<string, number>;
  /** Places of columns that FOCUS does not know. */
  unknown: readonly number[];
  /** Delivered name by the FOCUS name it was read as. */
  renamed: Record<string, string>;
  /** The oldest FOCUS version that has all its columns. */
  version: string;
}

/** Finds the FOCUS columns among the delivered ones. Throws `IMPORT_REJECTED` for a header that cannot be read. */
export function deliveredColumns(header: readonly string[], model: FocusModel): Delivered {
  const names = header.map((each) => each.trim());
  refuseUnusable(names);
  const places = new Map<string, number>();
  const renamed: Record<string, string> = {};
  names.forEach((each, place) => {
    if (model.columns.has(each)) places.set(each, place);
  });
  names.forEach((each, place) => {
    const focusName = model.renamed[each];
    if (focusName === undefined || places.has(focusName)) return;
    places.set(focusName, place);
    renamed[each] = focusName;
  });
  const missing = model.mandatory.filter((each) => !places.has(each));
  if (missing.length > 0)
    throw fileRefused(`The file lacks the columns ${missing.join(", ")}.`, {
      column: missing[0] ?? null,
      rule: "required_column",
    });
  const known = new Set(places.values());
  return {
    names,
    places,
    unknown: names.flatMap((_, at) => (known.has(at) ? [] : at)),
    renamed,
    version: versionOf(places, model),
  };
}

function refuseUnusable(names: readonly string[]): void {
  if (names.length > fileLimits.columns)
    throw fileRefused(`The file has ${names.length} columns; at most ${fileLimits.columns} are taken.`, {
      rule: "columns_limit",
    });
  const nameless = names.indexOf("");
  if (nameless >= 0) throw fileRefused(`Column ${nameless + 1} has no name.`, { rule: "header" });
  const twice = names.find((each, place) => names.indexOf(each) !== place);
  if (twice !== undefined)
    throw fileRefused(`The column ${excerpt(twice)} is there twice.`, {
      column: excerpt(twice),
      rule: "duplicate_column",
    });
}

/** 1.4 took ProviderName and PublisherName away; every other version only added columns. */
function versionOf(places: ReadonlyMap<string, number>, model: FocusModel): string {
  const since = [...places.keys()].map((each) => model.columns.get(each)?.since ?? "1.0").sort();
  const newest = since.at(-1) ?? "1.0";
  const isWithoutOldNames = !places.has("ProviderName") && !places.has("PublisherName");
  return newest === "1.3" && isWithoutOldNames ? "1.4" : newest;
}
