import { AsyncLocalStorage } from "node:async_hooks";
import { AppError } from "#shared/runtime/errors.ts";
import { assertDocumentPath, type JsonObject, storableBody } from "./document-rules.ts";
import type { Page, Query, Snapshot, Transaction } from "./documents.ts";

/** What a transaction body left to be written to one path. */
export type Write = { kind: "create" | "set"; path: string; body: JsonObject } | { kind: "delete"; path: string };

/** How an adapter reads inside a transaction; paths and queries reach it unchecked. */
export interface TransactionReads {
  getAll<T extends object>(paths: readonly string[]): Promise<Snapshot<T>[]>;
  list<T extends object>(query: Query): Promise<Page<T>>;
}

export interface BodyRun<R> {
  result: R;
  /** In the order of the body's calls, at most one per path. */
  writes: readonly Write[];
}

const runningBody = new AsyncLocalStorage<{ isRunning: boolean }>();

/**
 * Runs a transaction body over an adapter's reads and collects its writes; nothing is written here. Holds the body to
 * the port's rules: `READ_AFTER_WRITE`; `WRITE_WITHOUT_READ` for a set of a path not read before; `WRITTEN_TWICE` for a
 * second write to a path, since its author cannot have read the first; `TRANSACTION_ENDED` for a call after the body's end;
 * `TRANSACTION_NESTED` for a transaction inside a body, which would wait for itself.
 */
export async function runBody<R>(body: (tx: Transaction) => Promise<R>, reads: TransactionReads): Promise<BodyRun<R>> {
  const writes = new Map<string, Write>();
  const scope = { isRunning: true };
  try {
    const result = await runningBody.run(scope, () => body(bufferedTransaction(reads, writes, scope)));
    return { result, writes: [...writes.values()] };
  } finally {
    scope.isRunning = false;
  }
}

/** Throws `TRANSACTION_NESTED` when the caller is itself a running transaction body. */
export function assertNotNested(): void {
  if (runningBody.getStore()?.isRunning === true) {
    throw new AppError("TRANSACTION_NESTED", "A transaction body must not start another transaction.");
  }
}

function bufferedTransaction(
  reads: TransactionReads,
  writes: Map<string, Write>,
  scope: { isRunning: boolean },
): Transaction {
  const readPaths = new Set<string>();

  async function getAll<T extends object>(paths: readonly string[]): Promise<Snapshot<T>[]> {
    assertRunning(scope);
    assertNothingWritten(writes);
    for (const path of paths) assertDocumentPath(path);
    const snapshots = paths.length === 0 ? [] : await reads.getAll<T>(paths);
    for (const path of paths) readPaths.add(path);
    return snapshots;
  }

  async function list<T extends object>(query: Query): Promise<Page<T>> {
    assertRunning(scope);
    assertNothingWritten(writes);
    const page = await reads.list<T>(query);
    for (const document of page.documents) readPaths.add(document.path);
    return page;
  }

  function add(write: Write): void {
    assertRunning(scope);
    assertDocumentPath(write.path);
    if (writes.has(write.path)) throw new AppError("WRITTEN_TWICE", `${write.path} is written twice in a transaction.`);
    writes.set(write.path, write);
  }

  return {
    getAll,
    list,
    get: async <T extends object>(path: string) => onlyOne(await getAll<T>([path])),
    create: (path, body) => add({ kind: "create", path, body: storableBody(path, body) }),
    set: (path, body) => {
      if (!readPaths.has(path)) throw new AppError("WRITE_WITHOUT_READ", `${path} is set without having been read.`);
      add({ kind: "set", path, body: storableBody(path, body) });
    },
    delete: (path) => add({ kind: "delete", path }),
  };
}

/** The snapshot of a read of one path. */
export function onlyOne<T extends object>(snapshots: readonly Snapshot<T>[]): Snapshot<T> {
  const [snapshot] = snapshots;
  if (snapshot === undefined) throw new Error("a read of one path gave no snapshot");
  return snapshot;
}

function assertRunning(scope: { isRunning: boolean }): void {
  if (!scope.isRunning) throw new AppError("TRANSACTION_ENDED", "The transaction body has already ended.");
}

function assertNothingWritten(writes: ReadonlyMap<string, Write>): void {
  if (writes.size > 0) throw new AppError("READ_AFTER_WRITE", "All reads of a transaction precede its first write.");
}
