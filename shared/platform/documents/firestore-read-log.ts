import type { DocumentSnapshot, Query as FirestoreQuery, QuerySnapshot } from "@google-cloud/firestore";
import type { TransactionReads } from "./buffered-transaction.ts";
import type { Page, Query, Snapshot } from "./documents.ts";
import { decodeSnapshot } from "./firestore-codec.ts";
import { decodePage, type FirestoreStore, storedDocuments, storedPage, storeQuery } from "./firestore-reads.ts";

/** Reads of one run of a transaction body, without locks, remembered so that the commit can check them. */
export class ReadLog implements TransactionReads {
  /** Everything read, by path; documents found by queries too. */
  readonly documents = new Map<string, DocumentSnapshot>();
  readonly queries: { query: FirestoreQuery; result: QuerySnapshot }[] = [];
  /** Calls to the store: what one call returns is of one moment, what two return may not be. */
  calls = 0;
  /** True when a document changed between two reads of it. */
  isTorn = false;
  private readonly store: FirestoreStore;

  constructor(store: FirestoreStore) {
    this.store = store;
  }

  async getAll<T extends object>(paths: readonly string[]): Promise<Snapshot<T>[]> {
    this.calls += 1;
    const stored = await storedDocuments(this.store, paths);
    for (const document of stored) this.remember(document);
    return stored.map((document) => decodeSnapshot<T>(document));
  }

  async list<T extends object>(query: Query): Promise<Page<T>> {
    const asked = storeQuery(this.store, query);
    this.calls += 1;
    const result = await storedPage(this.store, asked);
    this.queries.push({ query: asked, result });
    for (const document of result.docs) this.remember(document);
    return decodePage<T>(query, result);
  }

  /** The commits that wrote the documents as they were read. */
  get commitIds(): string[] {
    return [...this.documents.values()].map((document) => String(document.get("commitId")));
  }

  private remember(document: DocumentSnapshot): void {
    const before = this.documents.get(document.ref.path);
    if (before === undefined) this.documents.set(document.ref.path, document);
    else if (!isSame(before, document)) this.isTorn = true;
  }
}

/** True when the document is the same revision, or missing, in both reads. */
export function isSame(one: DocumentSnapshot, other: DocumentSnapshot | undefined): boolean {
  if (other === undefined || !one.exists || !other.exists) return one.exists === (other?.exists ?? false);
  return one.updateTime !== undefined && other.updateTime !== undefined && one.updateTime.isEqual(other.updateTime);
}
