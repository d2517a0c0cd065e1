/**
 * The port of operational state. Semantics are Firestore's: serializable transactions, all reads before the first
 * write, the body may run more than once and therefore has no effect outside the transaction.
 *
 * Documents are plain JSON; instants are RFC 3339 strings in UTC with milliseconds, so they sort as text. The adapter
 * keeps `version` (grows by 1 per write), `createdAt` and `updatedAt` outside the body. The top-level field `expireAt`
 * is the store's time to live; every reader still checks it itself. Limits: body 900 KiB, path 1,500 bytes.
 * Errors are `AppError`s; `DOCUMENTS_UNAVAILABLE` (retryable) when the store cannot be reached.
 */
export interface Documents {
  get<T extends object>(path: string): Promise<Snapshot<T>>;
  /** One round trip; snapshots in the order of the paths. */
  getAll<T extends object>(paths: readonly string[]): Promise<Snapshot<T>[]>;
  list<T extends object>(query: Query): Promise<Page<T>>;
  /** Commits what the body wrote, all or nothing. Throws `DOCUMENTS_CONTENDED` (retryable) when it could not win in its attempts. */
  transaction<R>(body: (tx: Transaction) => Promise<R>): Promise<R>;
  close(): Promise<void>;
}

export interface Transaction {
  get<T extends object>(path: string): Promise<Snapshot<T>>;
  getAll<T extends object>(paths: readonly string[]): Promise<Snapshot<T>[]>;
  list<T extends object>(query: Query): Promise<Page<T>>;
  /** Fails the transaction with `DOCUMENT_EXISTS` when the path is taken. */
  create<T extends object>(path: string, body: T): void;
  /** Creates or replaces the whole document; the path must have been read in this transaction. */
  set<T extends object>(path: string, body: T): void;
  delete(path: string): void;
}

export interface Snapshot<T extends object> {
  path: string;
  /** Undefined when there is no such document. */
  body: T | undefined;
  /** 0 when there is no such document. */
  version: number;
  createdAt: string | undefined;
  updatedAt: string | undefined;
  /** The store's own time of this read: the only clock that leases, slots and quota periods trust. */
  readAt: Date;
}

/** A query is allowed only when `configs/documents/indexes.yml` declares its collection, filter fields and order. */
export interface Query {
  /** Path of the collection, e.g. `orgs/acme/runs`. */
  collection: string;
  filters?: readonly Filter[];
  orderBy?: readonly Order[];
  limit: number;
  /** `next` of the page before; undefined for the first page. */
  cursor?: string | undefined;
}

export interface Filter {
  field: string;
  is: "==" | "<" | "<=" | ">" | ">=";
  value: string | number | boolean | null;
}

export interface Order {
  field: string;
  direction: "asc" | "desc";
}

/** A document that is there. */
export type Found<T extends object> = Snapshot<T> & { body: T };

export interface Page<T extends object> {
  documents: Found<T>[];
  /** Opaque; undefined when this page is the last. */
  next: string | undefined;
  readAt: Date;
}
