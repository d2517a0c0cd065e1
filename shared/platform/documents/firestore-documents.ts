import { setTimeout as pause } from "node:timers/promises";
import { AppError } from "#shared/runtime/errors.ts";
import { onlyOne } from "./buffered-transaction.ts";
import type { DeclaredQueries } from "./declared-queries.ts";
import { assertDocumentPath } from "./document-rules.ts";
import type { Documents, Page, Query, Snapshot } from "./documents.ts";
import { decodeSnapshot } from "./firestore-codec.ts";
import { decodePage, type FirestoreStore, storedDocuments, storedPage, storeQuery } from "./firestore-reads.ts";
import { transact } from "./firestore-transaction.ts";
import { gatheredReads } from "./gathered-reads.ts";
import { pathLocks } from "./path-locks.ts";

export interface FirestoreDocumentsOptions {
  projectId: string;
  /** Undefined: the project's default database. */
  databaseId?: string;
  declared: () => Promise<DeclaredQueries>;
  /** Commits tried before a transaction gives up with `DOCUMENTS_CONTENDED`; 20 unless given. */
  maximumAttempts?: number;
  /** How long one read may take before the store counts as unavailable; 20 unless given. */
  timeoutSeconds?: number;
}

/**
 * Documents in Firestore (native mode). The client is loaded and connected at first use; `FIRESTORE_EMULATOR_HOST` is
 * the client's own way to an emulator.
 */
export function firestoreDocuments(options: FirestoreDocumentsOptions): Documents {
  const locks = pathLocks();
  let opening: Promise<FirestoreStore> | undefined;
  let isClosed = false;

  async function store(): Promise<FirestoreStore> {
    if (isClosed) throw new AppError("DOCUMENTS_UNAVAILABLE", "The document store is closed.", { retryable: true });
    opening ??= open(options).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  const readTogether = gatheredReads(async (paths) => storedDocuments(await store(), paths));

  async function getAll<T extends object>(paths: readonly string[]): Promise<Snapshot<T>[]> {
    for (const path of paths) assertDocumentPath(path);
    const found = paths.length === 0 ? [] : await readTogether(paths);
    return found.map((stored) => decodeSnapshot<T>(stored));
  }

  async function list<T extends object>(query: Query): Promise<Page<T>> {
    const opened = await store();
    return decodePage<T>(query, await storedPage(opened, storeQuery(opened, query)));
  }

  return {
    getAll,
    list,
    get: async <T extends object>(path: string) => onlyOne(await getAll<T>([path])),
    transaction: async (body) =>
      transact({ store: await store(), locks, maximumAttempts: options.maximumAttempts ?? 20 }, body),
    close: async () => {
      isClosed = true;
      const opened = await opening?.catch(() => undefined);
      if (opened !== undefined) await terminate(opened);
    },
  };
}

async function open(options: FirestoreDocumentsOptions): Promise<FirestoreStore> {
  // A CommonJS package in a bundle has no names but `default`.
  const [{ default: sdk }, declared] = await Promise.all([import("@google-cloud/firestore"), options.declared()]);
  const { projectId, databaseId } = options;
  const firestore = new sdk.Firestore({ projectId, ...(databaseId !== undefined && { databaseId }) });
  return { sdk, firestore, declared, calls: { timeoutSeconds: options.timeoutSeconds ?? 20, open: new Set() } };
}

/** The client throws where nobody can catch it when it is terminated under a call, so calls come to their end first. */
async function terminate({ firestore, calls }: FirestoreStore): Promise<void> {
  const end = Promise.allSettled(calls.open).then(() => firestore.terminate());
  await Promise.race([end, pause(calls.timeoutSeconds * 1000, undefined, { ref: false })]);
}
