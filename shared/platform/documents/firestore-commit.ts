import type {
  DocumentData,
  DocumentReference,
  DocumentSnapshot,
  Transaction as FirestoreTransaction,
  Precondition,
  UpdateData,
} from "@google-cloud/firestore";
import type { Write } from "./buffered-transaction.ts";
import { storedFields } from "./firestore-codec.ts";
import { within } from "./firestore-errors.ts";
import { isSame, type ReadLog } from "./firestore-read-log.ts";
import type { FirestoreStore } from "./firestore-reads.ts";

/** Longer than Firestore's lock deadline of 20 s, https://cloud.google.com/firestore/docs/manage-data/transactions . */
const commitTimeoutSeconds = 60;

/**
 * Applies the writes if nothing the log holds has changed; otherwise rejects with a lost race (`isLostRace`). Documents
 * that are written carry their check as precondition; for those only read, and for queries, the commit runs in a
 * transaction of the client that reads them again under lock.
 */
export async function commitWrites(
  store: FirestoreStore,
  log: ReadLog,
  writes: readonly Write[],
  commitId: string,
): Promise<void> {
  if (log.isTorn) throw lostRace();
  const unchecked = uncheckedReads(log, writes);
  if (unchecked.length === 0 && log.queries.length === 0) {
    const batch = store.firestore.batch();
    for (const write of writes) apply(store, batch, { write, read: log.documents.get(write.path), commitId });
    await within(store.calls, batch.commit(), commitTimeoutSeconds);
    return;
  }
  const commit = store.firestore.runTransaction(
    async (tx) => {
      await assertUnchanged(tx, unchecked, log);
      for (const write of writes) apply(store, tx, { write, read: log.documents.get(write.path), commitId });
    },
    { maxAttempts: 1 },
  );
  await within(store.calls, commit, commitTimeoutSeconds);
}

/** True when the log's reads hold together at one moment, so that a body may be believed that wrote nothing or threw. */
export async function isUnchanged(store: FirestoreStore, log: ReadLog): Promise<boolean> {
  if (log.isTorn) return false;
  if (log.calls <= 1) return true;
  const everything = [...log.documents.values()];
  const check = store.firestore.runTransaction((tx) => isStill(tx, everything, log), { readOnly: true });
  return within(store.calls, check, commitTimeoutSeconds);
}

/** Reads that no precondition of a write covers: a delete of a missing document has none that Firestore documents. */
function uncheckedReads(log: ReadLog, writes: readonly Write[]): DocumentSnapshot[] {
  const kinds = new Map(writes.map((write) => [write.path, write.kind]));
  return [...log.documents.values()].filter((read) => {
    const kind = kinds.get(read.ref.path);
    return kind === undefined || (kind === "delete" && !read.exists);
  });
}

async function assertUnchanged(
  tx: FirestoreTransaction,
  reads: readonly DocumentSnapshot[],
  log: ReadLog,
): Promise<void> {
  if (!(await isStill(tx, reads, log))) throw lostRace();
}

async function isStill(tx: FirestoreTransaction, reads: readonly DocumentSnapshot[], log: ReadLog): Promise<boolean> {
  const now = reads.length === 0 ? [] : await tx.getAll(...reads.map((read) => read.ref));
  if (!reads.every((read, index) => isSame(read, now[index]))) return false;
  for (const { query, result } of log.queries) {
    const { docs } = await tx.get(query);
    const isEqual =
      docs.length === result.docs.length && docs.every((document, index) => isSameAt(document, result.docs[index]));
    if (!isEqual) return false;
  }
  return true;
}

function isSameAt(one: DocumentSnapshot, other: DocumentSnapshot | undefined): boolean {
  return one.ref.path === other?.ref.path && isSame(one, other);
}

/** The same shape as the store's own answer, so that one rule recognises both. */
function lostRace(): Error {
  return Object.assign(new Error("a document changed after it was read"), { code: 10 });
}

/** What a batch and a transaction of the client have in common. */
interface WriteTarget {
  create(reference: DocumentReference, fields: DocumentData): unknown;
  update(reference: DocumentReference, fields: UpdateData<DocumentData>, precondition: Precondition): unknown;
  delete(reference: DocumentReference, precondition: Precondition): unknown;
}

interface Change {
  write: Write;
  read: DocumentSnapshot | undefined;
  commitId: string;
}

function apply(store: FirestoreStore, target: WriteTarget, { write, read, commitId }: Change): void {
  const { sdk, firestore } = store;
  const reference = firestore.doc(write.path);
  const precondition = read?.updateTime === undefined ? {} : { lastUpdateTime: read.updateTime };
  if (write.kind === "delete") {
    target.delete(reference, precondition);
    return;
  }
  const version = read?.exists ? Number(read.get("version")) + 1 : 1;
  const fields = storedFields(sdk, write.body, version, commitId);
  if (read?.exists) {
    // An update replaces the map `body` whole and leaves createdAt alone; only an expireAt that went away is named.
    target.update(reference, { expireAt: sdk.FieldValue.delete(), ...fields }, precondition);
  } else {
    target.create(reference, { ...fields, createdAt: sdk.FieldValue.serverTimestamp() });
  }
}
