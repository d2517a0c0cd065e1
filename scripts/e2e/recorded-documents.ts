import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";

/** A store that remembers what was committed through it, so that a test can look at every document there is. */
export interface RecordedDocuments extends Documents {
  /** Bodies by path, as the last committed transaction left them. */
  readonly stored: ReadonlyMap<string, Record<string, unknown>>;
  /** How many transactions have written something. */
  commits(): number;
}

/** Records what is written through the store it wraps; reads and rules stay those of the store. */
export function recordedDocuments(documents: Documents): RecordedDocuments {
  const stored = new Map<string, Record<string, unknown>>();
  let commits = 0;
  return {
    stored,
    commits: () => commits,
    get: (path) => documents.get(path),
    getAll: (paths) => documents.getAll(paths),
    list: (query) => documents.list(query),
    close: () => documents.close(),
    transaction: async (body) => {
      let writes = new Map<string, object | undefined>();
      const result = await documents.transaction((tx) => {
        writes = new Map();
        return body(recordedTransaction(tx, writes));
      });
      if (writes.size > 0) commits += 1;
      for (const [path, written] of writes) {
        if (written === undefined) stored.delete(path);
        else stored.set(path, written as Record<string, unknown>);
      }
      return result;
    },
  };
}

/** Paths of the recorded documents that begin so, sorted. */
export function pathsBelow(documents: RecordedDocuments, start: string): string[] {
  return [...documents.stored.keys()].filter((path) => path.startsWith(start)).sort();
}

function recordedTransaction(tx: Transaction, writes: Map<string, object | undefined>): Transaction {
  return {
    get: (path) => tx.get(path),
    getAll: (paths) => tx.getAll(paths),
    list: (query) => tx.list(query),
    create: (path, body) => {
      tx.create(path, body);
      writes.set(path, structuredClone(body));
    },
    set: (path, body) => {
      tx.set(path, body);
      writes.set(path, structuredClone(body));
    },
    delete: (path) => {
      tx.delete(path);
      writes.set(path, undefined);
    },
  };
}
