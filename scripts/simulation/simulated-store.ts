import type { DeclaredQueries } from "#shared/platform/documents/declared-queries.ts";
import { collectionOf, type JsonObject } from "#shared/platform/documents/document-rules.ts";
import type { Filter, Page, Query, Snapshot } from "#shared/platform/documents/documents.ts";
import { type CursorValue, cursorValue, decodeCursor, encodeCursor } from "#shared/platform/documents/query-cursor.ts";

/** A document as the store keeps it: frozen, so that nobody changes what another reads. */
export interface Stored {
  body: JsonObject;
  version: number;
  createdAt: string;
  updatedAt: string;
}

/** All documents by collection and path, with the number of the commit that touched each path last. */
export class SimulatedStore {
  readonly #collections = new Map<string, Map<string, Stored>>();
  readonly #touched = new Map<string, number>();
  readonly #declared: DeclaredQueries;
  readonly now: () => Date;

  constructor(declared: DeclaredQueries, now: () => Date) {
    this.#declared = declared;
    this.now = now;
  }

  touchedAt(path: string): number {
    return this.#touched.get(path) ?? 0;
  }

  find(path: string): Stored | undefined {
    return this.#collections.get(collectionOf(path))?.get(path);
  }

  /** Paths and bodies of one collection, by path. */
  all(collection: string): [string, JsonObject][] {
    return [...(this.#collections.get(collection) ?? [])].map(([path, { body }]) => [path, body]);
  }

  put(path: string, body: JsonObject, commit: number): Stored {
    const at = this.now().toISOString();
    const before = this.find(path);
    const version = (before?.version ?? 0) + 1;
    const stored = { body: frozen(body), version, createdAt: before?.createdAt ?? at, updatedAt: at };
    const collection = this.#collections.get(collectionOf(path)) ?? new Map<string, Stored>();
    this.#collections.set(collectionOf(path), collection.set(path, stored));
    this.#touched.set(path, commit);
    return stored;
  }

  remove(path: string, commit: number): void {
    this.#collections.get(collectionOf(path))?.delete(path);
    this.#touched.set(path, commit);
  }

  snapshot<T extends object>(path: string): Snapshot<T> {
    const stored = this.find(path);
    const readAt = this.now();
    if (stored === undefined)
      return { path, body: undefined, version: 0, createdAt: undefined, updatedAt: undefined, readAt };
    const { body, version, createdAt, updatedAt } = stored;
    return { path, body: body as T, version, createdAt, updatedAt, readAt };
  }

  page<T extends object>(query: Query): Page<T> {
    this.#declared.assertDeclared(query);
    const orderBy = query.orderBy ?? [];
    const position = decodeCursor(query);
    const found = [...(this.#collections.get(query.collection) ?? [])]
      .filter(([, stored]) => (query.filters ?? []).every((filter) => matches(stored, filter)))
      .map(([path, stored]) => ({ path, values: orderBy.map(({ field }) => valueAt(stored, field)) }))
      .filter(({ values }) => values.every((value) => value !== undefined))
      .sort((a, b) => compare(a, b, query))
      .filter((row) => position === undefined || compare(row, position, query) > 0);
    const documents = found
      .slice(0, query.limit)
      .map(({ path }) => this.snapshot<T>(path) as Snapshot<T> & { body: T });
    const last = found[query.limit - 1];
    const next =
      found.length <= query.limit || last === undefined
        ? undefined
        : encodeCursor({
            path: last.path,
            values: last.values.map((value, at) => cursorValue(value, orderBy[at]?.field ?? "")),
          });
    return { documents, next, readAt: this.now() };
  }
}

/** What is frozen once needs no copy at each reading, which is most of what a simulation would do. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}

interface Row {
  path: string;
  values: readonly unknown[];
}

function valueAt({ body, version, createdAt, updatedAt }: Stored, field: string): unknown {
  if (field === "version") return version;
  if (field === "createdAt") return createdAt;
  if (field === "updatedAt") return updatedAt;
  return field
    .split(".")
    .reduce<unknown>((value, name) => (value === null ? undefined : (value as JsonObject | undefined)?.[name]), body);
}

/** A filter matches values of its own type only, as in both stores. */
function matches(stored: Stored, { field, is, value }: Filter): boolean {
  const own = valueAt(stored, field);
  if (own === undefined || (own === null) !== (value === null) || typeof own !== typeof value) return false;
  const order = compareValues(own, value);
  if (is === "==") return order === 0;
  if (is === "<") return order < 0;
  if (is === "<=") return order <= 0;
  return is === ">" ? order > 0 : order >= 0;
}

function compare(one: Row, other: Row, { orderBy = [] }: Query): number {
  for (const [at, { direction }] of orderBy.entries()) {
    const order = compareValues(one.values[at] as CursorValue, other.values[at] as CursorValue);
    if (order !== 0) return direction === "desc" ? -order : order;
  }
  const order = compareText(one.path, other.path);
  return orderBy.at(-1)?.direction === "desc" ? -order : order;
}

/** Null comes before every value, as in both stores. */
function compareValues(one: unknown, other: unknown): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null);
  if (typeof one === "number" && typeof other === "number") return one - other;
  return compareText(String(one), String(other));
}

/** By bytes, as both stores. */
function compareText(one: string, other: string): number {
  return one === other ? 0 : Buffer.compare(Buffer.from(one), Buffer.from(other));
}
