import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { assertCollectionPath, isPlainObject } from "./document-rules.ts";
import type { Filter, Order, Query } from "./documents.ts";

/** One entry of `configs/documents/indexes.yml`. */
export interface DeclaredQuery {
  /** Path of the collection with a star for each id. */
  collection: string;
  /** Sorted; compared by equality, or by range when the field is in `orderBy` as well. */
  filters: readonly string[];
  orderBy: readonly Order[];
}

export interface DeclaredQueries {
  queries: readonly DeclaredQuery[];
  /**
   * The declaration that allows this query. Throws `QUERY_NOT_DECLARED` when there is none, `QUERY_INVALID` when the
   * two stores would not answer it alike (a range on a field that is not ordered by, a range on null, a bad limit).
   */
  assertDeclared(query: Query): DeclaredQuery;
}

/** The store's own fields: they may be filtered and ordered by although they stand outside the body. */
export const storeFields: readonly string[] = ["createdAt", "updatedAt", "version"];

const collectionPattern = /^[A-Za-z][A-Za-z0-9-]*(\/\*\/[A-Za-z][A-Za-z0-9-]*)*$/;
const fieldPattern = /^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*$/;
const orderPattern = /^(\S+) (asc|desc)$/;
const members = ["collection", "filters", "orderBy"];

/**
 * Reads the parsed content of `configs/documents/indexes.yml`, a list of `{ collection, filters, orderBy }`. Throws
 * `CONFIGURATION_INVALID` whose `fields` hold every fault at once.
 */
export function declareQueries(content: unknown): DeclaredQueries {
  const faults: FieldProblem[] = [];
  const byKey = new Map<string, DeclaredQuery>();
  if (!Array.isArray(content)) faults.push({ path: "", problem: "must be a list of queries" });
  for (const [index, entry] of Array.isArray(content) ? content.entries() : []) {
    const query = declaredQuery(entry, (path, problem) => faults.push({ path: `/${index}${path}`, problem }));
    const key = queryKey(query);
    if (byKey.has(key)) faults.push({ path: `/${index}`, problem: "is declared twice" });
    byKey.set(key, query);
  }
  if (faults.length > 0) {
    const list = faults.map((fault) => `${fault.path || "/"} ${fault.problem}`).join("; ");
    throw new AppError("CONFIGURATION_INVALID", `configs/documents/indexes.yml: ${list}`, { fields: faults });
  }
  return { queries: [...byKey.values()], assertDeclared: (query) => assertDeclared(byKey, query) };
}

/** The pattern of a collection: each id of its path replaced by a star. */
export function patternOf(collection: string): string {
  return collection
    .split("/")
    .map((segment, index) => (index % 2 === 0 ? segment : "*"))
    .join("/");
}

function assertDeclared(byKey: ReadonlyMap<string, DeclaredQuery>, query: Query): DeclaredQuery {
  assertCollectionPath(query.collection);
  const orderBy = query.orderBy ?? [];
  const filters = [...new Set((query.filters ?? []).map((filter) => filter.field))].sort();
  const key = queryKey({ collection: patternOf(query.collection), filters, orderBy });
  const declared = byKey.get(key);
  if (declared === undefined) {
    throw new AppError("QUERY_NOT_DECLARED", `Not declared in configs/documents/indexes.yml: ${key}`);
  }
  if (!Number.isSafeInteger(query.limit) || query.limit < 1) {
    throw new AppError("QUERY_INVALID", "The limit of a query must be a whole number of at least 1.");
  }
  for (const filter of query.filters ?? []) assertComparable(filter, orderBy);
  return declared;
}

function assertComparable(filter: Filter, orderBy: readonly Order[]): void {
  if (typeof filter.value === "number" && !Number.isFinite(filter.value)) {
    throw new AppError("QUERY_INVALID", `The filter on ${filter.field} compares with a number that is not finite.`);
  }
  if (filter.is === "==") return;
  if (filter.value === null) throw new AppError("QUERY_INVALID", `A range on ${filter.field} cannot start at null.`);
  if (!orderBy.some((order) => order.field === filter.field)) {
    throw new AppError("QUERY_INVALID", `A range on ${filter.field} needs the field in orderBy.`);
  }
}

function queryKey(query: DeclaredQuery): string {
  const orderBy = query.orderBy.map(({ field, direction }) => `${field} ${direction}`);
  return JSON.stringify({ collection: query.collection, filters: query.filters, orderBy });
}

type Report = (path: string, problem: string) => void;

function declaredQuery(entry: unknown, report: Report): DeclaredQuery {
  if (!isPlainObject(entry)) {
    report("", "must be { collection, filters, orderBy }");
    return { collection: "", filters: [], orderBy: [] };
  }
  for (const name of Object.keys(entry)) if (!members.includes(name)) report(`/${name}`, "is unknown");
  const collection = entry["collection"];
  if (typeof collection !== "string" || !collectionPattern.test(collection)) {
    report("/collection", "must be a collection path with * for each id");
  }
  const filters = texts(entry["filters"], "/filters", report);
  for (const [index, field] of filters.entries()) {
    if (!fieldPattern.test(field)) report(`/filters/${index}`, "must be a field name");
  }
  const orderBy = texts(entry["orderBy"], "/orderBy", report).map((text, index) => order(text, index, report));
  return { collection: String(collection), filters: filters.toSorted(), orderBy };
}

function order(text: string, index: number, report: Report): Order {
  const [, field = "", direction] = orderPattern.exec(text) ?? [];
  if (!fieldPattern.test(field)) report(`/orderBy/${index}`, "must be `field asc` or `field desc`");
  return { field, direction: direction === "desc" ? "desc" : "asc" };
}

function texts(value: unknown, path: string, report: Report): string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    report(path, "must be a list of texts, which may be empty");
    return [];
  }
  if (new Set(value.map((item) => item.split(" ")[0])).size < value.length) report(path, "names a field twice");
  return value;
}
