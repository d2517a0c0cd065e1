import { setImmediate } from "node:timers";
import type Libsql from "libsql";
import { AppError } from "#shared/runtime/errors.ts";
import type { Prepare } from "./sqlite-statements.ts";
import { sqliteCode } from "./sqlite-store.ts";

/** Transactions whose writes reach the disk together. */
interface Group {
  size: number;
  onDisk: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/** So many wait for one another at most. */
const maximumTogether = 64;

/**
 * The commits of one connection. A commit waits for the disk, which takes longer than all else of a transaction, and the
 * whole process waits with it; so transactions that end in one turn of the event loop share one. Nothing waits for more
 * than that turn. A transaction sees the writes of those before it; whoever else reads calls `settled` and `flush` first.
 */
export interface SharedCommits {
  /** How many commits have failed: what was read before such a failure may never have been. */
  losses(): number;
  /**
   * Applies the writes of one transaction, all or none, and throws what stands in their way. `seen`: `losses` before it
   * began to read. Answers when they are on disk, or `DOCUMENTS_UNAVAILABLE`.
   */
  write(seen: number, writes: () => void): { onDisk: Promise<void> };
  /** When what was applied until now is on disk, or lost. */
  settled(): Promise<void>;
  /** For a transaction that only reads, `seen` as above: when what it has read is on disk; rejects when it is lost. */
  onDisk(seen: number): Promise<void>;
  /** Commits at once what was applied. */
  flush(): void;
}

export function sharedCommits(
  database: Pick<Libsql.Database, "exec" | "inTransaction">,
  prepare: Prepare,
): SharedCommits {
  let group: Group | undefined;
  let losses = 0;
  let lastLoss: unknown;

  function opened(): Group {
    if (group !== undefined) return group;
    try {
      database.exec("BEGIN IMMEDIATE");
    } catch (error) {
      throw outside(error);
    }
    group = newGroup();
    setImmediate(flush);
    return group;
  }

  function flush(): void {
    if (group === undefined) return;
    const closing = group;
    try {
      database.exec("COMMIT");
      group = undefined;
      closing.resolve();
    } catch (error) {
      lose(closing, error);
    }
  }

  function lose(lost: Group, error: unknown): void {
    losses += 1;
    lastLoss = error;
    group = undefined;
    lost.reject(outside(error));
    // A commit that failed on a full disk has already rolled back by itself.
    if (database.inTransaction) database.exec("ROLLBACK");
  }

  function apply(own: Group, writes: () => void): void {
    prepare("SAVEPOINT own").run([]);
    try {
      writes();
    } catch (error) {
      if (database.inTransaction) {
        prepare("ROLLBACK TO own").run([]);
        prepare("RELEASE own").run([]);
      } else lose(own, error);
      throw outside(error);
    }
    prepare("RELEASE own").run([]);
  }

  return {
    losses: () => losses,
    write: (seen, writes) => {
      if (seen !== losses) throw unavailable(lastLoss);
      const own = opened();
      apply(own, writes);
      own.size += 1;
      if (own.size >= maximumTogether) flush();
      return own;
    },
    settled: async () => group?.onDisk.catch(() => undefined),
    onDisk: async (seen) => {
      if (seen !== losses) throw unavailable(lastLoss);
      await group?.onDisk;
    },
    flush,
  };
}

function newGroup(): Group {
  let settle: Pick<Group, "resolve" | "reject"> = { resolve: () => {}, reject: () => {} };
  const onDisk = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Each of its transactions learns of a failure; a group that has none left is nobody's.
  onDisk.catch(() => undefined);
  return { size: 0, onDisk, ...settle };
}

function outside(error: unknown): unknown {
  return /^SQLITE_(FULL|IOERR|BUSY|CANTOPEN|READONLY)/.test(sqliteCode(error)) ? unavailable(error) : error;
}

function unavailable(cause: unknown): AppError {
  return new AppError("DOCUMENTS_UNAVAILABLE", "The document store could not write to disk.", {
    retryable: true,
    cause,
  });
}
