import type {
  DocumentData,
  DocumentSnapshot,
  FieldPath,
  Firestore,
  Query as FirestoreQuery,
  QuerySnapshot,
} from "@google-cloud/firestore";
import { type DeclaredQueries, storeFields } from "./declared-queries.ts";
import { assertDocumentPath } from "./document-rules.ts";
import type { Order, Page, Query, Snapshot } from "./documents.ts";
import { decode, decodeSnapshot, type Sdk, timestampText } from "./firestore-codec.ts";
import { type Calls, within } from "./firestore-errors.ts";
import { type CursorValue, cursorValue, decodeCursor, encodeCursor } from "./query-cursor.ts";

export interface FirestoreStore {
  sdk: Sdk;
  firestore: Firestore;
  declared: DeclaredQueries;
  calls: Calls;
}

const comparisons = { "==": "==", "<": "<", "<=": "<=", ">": ">", ">=": ">=" } as const;

/** The documents at these paths as of one moment, in the order of the paths. */
export async function storedDocuments(store: FirestoreStore, paths: readonly string[]): Promise<DocumentSnapshot[]> {
  for (const path of paths) assertDocumentPath(path);
  if (paths.length === 0) return [];
  const references = paths.map((path) => store.firestore.doc(path));
  return within(store.calls, store.firestore.getAll(...references));
}

/** The query at the store: one document more than the page, which tells whether there is a next one. */
export function storeQuery(store: FirestoreStore, query: Query): FirestoreQuery {
  store.declared.assertDeclared(query);
  const { sdk, firestore } = store;
  let result: FirestoreQuery<DocumentData> = firestore.collection(query.collection);
  for (const { field, is, value } of query.filters ?? []) {
    result = result.where(fieldPath(sdk, field), comparisons[is], storeValue(sdk, field, value));
  }
  const orderBy = query.orderBy ?? [];
  for (const { field, direction } of orderBy) result = result.orderBy(fieldPath(sdk, field), direction);
  result = result.orderBy(sdk.FieldPath.documentId(), tieDirection(orderBy));
  const position = decodeCursor(query);
  if (position !== undefined) {
    const values = position.values.map((value, index) => storeValue(sdk, orderBy[index]?.field ?? "", value));
    result = result.startAfter(...values, position.path.slice(query.collection.length + 1));
  }
  return result.limit(query.limit + 1);
}

export async function storedPage(store: FirestoreStore, query: FirestoreQuery): Promise<QuerySnapshot> {
  return within(store.calls, query.get());
}

/** What the port gives for a result of `storeQuery`. */
export function decodePage<T extends object>(query: Query, result: QuerySnapshot): Page<T> {
  const readAt = result.readTime.toDate();
  const stored = result.docs.slice(0, query.limit);
  const documents = stored.map((document) => decodeSnapshot<T>(document)).filter(hasBody);
  const last = stored.at(-1);
  if (result.docs.length <= query.limit || last === undefined) return { documents, next: undefined, readAt };
  const values = (query.orderBy ?? []).map(({ field }) => orderValue(last, field));
  return { documents, next: encodeCursor({ values, path: last.ref.path }), readAt };
}

function hasBody<T extends object>(snapshot: Snapshot<T>): snapshot is Snapshot<T> & { body: T } {
  return snapshot.body !== undefined;
}

function tieDirection(orderBy: readonly Order[]): Order["direction"] {
  return orderBy.at(-1)?.direction ?? "asc";
}

// Declared field names are letters, digits and dots, so they need none of the codec's escaping.
function fieldPath(sdk: Sdk, field: string): FieldPath {
  return storeFields.includes(field) ? new sdk.FieldPath(field) : new sdk.FieldPath("body", ...field.split("."));
}

function isInstantField(field: string): boolean {
  return field === "createdAt" || field === "updatedAt";
}

function storeValue(sdk: Sdk, field: string, value: CursorValue): unknown {
  return isInstantField(field) && typeof value === "string" ? sdk.Timestamp.fromDate(new Date(value)) : value;
}

function orderValue(document: DocumentSnapshot, field: string): CursorValue {
  if (isInstantField(field)) return timestampText(document.get(field));
  const path = storeFields.includes(field) ? field : `body.${field}`;
  return cursorValue(decode(document.get(path)), field);
}
