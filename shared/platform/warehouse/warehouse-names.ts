import { refused } from "./warehouse-errors.ts";

const NAME = /^[A-Za-z0-9_-]{1,200}$/;
const DAY = /^\d{4}-\d\d-\d\d$/;

/** The name itself, safe as a path segment and as a quoted identifier. Source: tables.md section 5. */
export function checkedName(what: "dataset" | "table" | "column" | "batch", name: string): string {
  if (!NAME.test(name)) throw refused(`the ${what} name has characters or a length that are not allowed`);
  return name;
}

/** A UTC day `YYYY-MM-DD`; the form only. */
export function checkedDay(day: string): string {
  if (!DAY.test(day)) throw refused("a day must be YYYY-MM-DD");
  return day;
}
