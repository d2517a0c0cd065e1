import { assertNotNested, onlyOne, runBody, type Write } from "#shared/platform/documents/buffered-transaction.ts";
import { assertDocumentPath, type JsonObject } from "#shared/platform/documents/document-rules.ts";
import type { Documents, Page, Query, Snapshot } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { SimulatedStore } from "./simulated-store.ts";

/** What a transaction committed, in the order of the commits. */
export interface Commit {
  number: number;
  at: Date;
  writes: readonly { path: string; before: JsonObject | undefined; after: JsonObject | undefined }[];
}

/** What a simulation does at each call of the port, and what it learns. */
export interface DocumentHooks {
  /** Awaited before everything the port does; may throw or never settle. True: this commit loses a race it might have won. */
  turn(label: string): Promise<boolean>;
  /** Awaited after a commit: may throw although it stands, or never settle. */
  committed(commit: Commit): Promise<void>;
}

/** More than the real adapters': how often a body loses is the schedule's doing, not what is to be shown. */
const maximumAttempts = 50;

/** One store for many processes, each with an adapter of its own; commits are numbered over all of them. */
export interface SharedStore {
  store: SimulatedStore;
  commits: number;
}

/**
 * The documents port in memory, optimistic and serializable as Firestore's adapter: bodies of different processes interleave
 * at every call, may see what does not belong together, and run again when anything they read has changed at their commit.
 */
export function simulatedDocuments(shared: SharedStore, hooks: DocumentHooks): Documents {
  const { store } = shared;
  const readAll = async <T extends object>(paths: readonly string[]): Promise<Snapshot<T>[]> => {
    for (const path of paths) assertDocumentPath(path);
    await hooks.turn("get");
    return paths.map((path) => store.snapshot<T>(path));
  };
  const list = async <T extends object>(query: Query): Promise<Page<T>> => {
    const page = store.page<T>(query);
    // Nothing found changes nothing: a sweep looks into many empty shards.
    if (page.documents.length === 0) return page;
    await hooks.turn("list");
    return store.page<T>(query);
  };

  async function tryOnce<R>(body: Parameters<Documents["transaction"]>[0]): Promise<{ result: R } | undefined> {
    const log = new ReadLog(store);
    const outcome = await runBody(body as never, {
      getAll: async <T extends object>(paths: readonly string[]) => log.read(await readAll<T>(paths)),
      list: async <T extends object>(query: Query) => log.found(query, await list<T>(query)),
    }).then(
      (done) => done,
      (error: unknown) => ({ error }),
    );
    const isBeaten = await hooks.turn("commit");
    if (isBeaten || log.isStale()) return undefined;
    if ("error" in outcome) throw outcome.error;
    if (outcome.writes.length > 0) await hooks.committed(apply(shared, outcome.writes));
    return { result: outcome.result as R };
  }

  return {
    getAll: readAll,
    get: async <T extends object>(path: string) => onlyOne(await readAll<T>([path])),
    list,
    transaction: async <R>(body: Parameters<Documents["transaction"]>[0]): Promise<R> => {
      assertNotNested();
      for (let attempt = 1; attempt <= maximumAttempts; attempt++) {
        const done = await tryOnce<R>(body);
        if (done !== undefined) return done.result;
      }
      throw new AppError("DOCUMENTS_CONTENDED", "The transaction lost its races.", { retryable: true });
    },
    close: async () => {},
  } as Documents;
}

/** What a body has read, to be compared with the store at its commit. */
class ReadLog {
  readonly #store: SimulatedStore;
  readonly #paths = new Map<string, number>();
  readonly #queries: { query: Query; found: string }[] = [];

  constructor(store: SimulatedStore) {
    this.#store = store;
  }

  read<T extends object>(snapshots: Snapshot<T>[]): Snapshot<T>[] {
    for (const { path } of snapshots) this.#note(path);
    return snapshots;
  }

  found<T extends object>(query: Query, page: Page<T>): Page<T> {
    this.#queries.push({ query, found: this.#fingerprint(page) });
    for (const { path } of page.documents) this.#note(path);
    return page;
  }

  isStale(): boolean {
    for (const [path, touched] of this.#paths) if (this.#store.touchedAt(path) !== touched) return true;
    return this.#queries.some(({ query, found }) => this.#fingerprint(this.#store.page(query)) !== found);
  }

  /** The first reading counts: a body that saw two states of one path is stale. */
  #note(path: string): void {
    if (!this.#paths.has(path)) this.#paths.set(path, this.#store.touchedAt(path));
  }

  #fingerprint(page: Page<object>): string {
    return page.documents.map(({ path }) => `${path}@${this.#store.touchedAt(path)}`).join(" ");
  }
}

function apply(shared: SharedStore, writes: readonly Write[]): Commit {
  const { store } = shared;
  for (const write of writes)
    if (write.kind === "create" && store.find(write.path) !== undefined)
      throw new AppError("DOCUMENT_EXISTS", `${write.path} exists already.`);
  shared.commits += 1;
  const number = shared.commits;
  const done = writes.map((write) => {
    const before = store.find(write.path)?.body;
    if (write.kind === "delete") {
      store.remove(write.path, number);
      return { path: write.path, before, after: undefined };
    }
    return { path: write.path, before, after: store.put(write.path, write.body, number).body };
  });
  return { number, at: store.now(), writes: done };
}
