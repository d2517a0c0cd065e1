import { createHash } from "node:crypto";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";

type Choice = (path: string, body: string) => boolean;

/** A store whose whole content a test can see: the port itself lists declared collections only. */
export interface MirroredDocuments {
  documents: Documents;
  /** Body as JSON text by path, as of the last commit. */
  stored: ReadonlyMap<string, string>;
  /** By path of an audit row: the paths that its transaction wrote. */
  auditedWith: ReadonlyMap<string, readonly string[]>;
  /**
   * SHA-256 over paths and bodies of all documents, or of those that are chosen; without what is kept beside requests and
   * is no effect of them: when a key was last used, and who was denied. Asked again with the same choice it costs nothing
   * while nothing was written.
   */
  digest(isChosen?: Choice): string;
}

/** Repeats every committed write of the inner store in memory. The store must be empty when it is handed over. */
export function mirroredDocuments(inner: Documents): MirroredDocuments {
  const stored = new Map<string, string>();
  const auditedWith = new Map<string, readonly string[]>();
  /** What counts of each document; digests are of this. */
  const effects = new Map<string, string>();
  const digests = new Map<Choice, string>();
  const keep = (path: string, effect: string | undefined): void => {
    if (effects.get(path) === effect) return;
    digests.clear();
    if (effect === undefined) effects.delete(path);
    else effects.set(path, effect);
  };
  const documents: Documents = {
    get: (path) => inner.get(path),
    getAll: (paths) => inner.getAll(paths),
    list: (query) => inner.list(query),
    close: () => inner.close(),
    transaction: async (body) => {
      let writes = new Map<string, string | undefined>();
      const result = await inner.transaction((tx) => {
        // A body may run again: only the writes of its last run are committed.
        writes = new Map();
        return body(recorded(tx, writes));
      });
      for (const [path, text] of writes) {
        if (text === undefined) stored.delete(path);
        else stored.set(path, text);
        keep(path, effectOf(path, text));
        if (isAuditRow(path)) auditedWith.set(path, [...writes.keys()]);
      }
      return result;
    },
  };
  return {
    documents,
    stored,
    auditedWith,
    digest: (isChosen = everything) => {
      const digest = digests.get(isChosen) ?? digestOf(effects, isChosen);
      digests.set(isChosen, digest);
      return digest;
    },
  };
}

function everything(): boolean {
  return true;
}

function digestOf(effects: ReadonlyMap<string, string>, isChosen: Choice): string {
  const hash = createHash("sha256");
  for (const [path, body] of [...effects].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (isChosen(path, body)) hash.update(JSON.stringify([path, body]));
  return hash.digest("hex");
}

function effectOf(path: string, text: string | undefined): string | undefined {
  const body = text?.replace(/"lastUsedAt":("[^"]*"|null)/, "");
  return body === undefined || isKeptBeside(path, body) ? undefined : body;
}

/** An audit row of a refusal, its way to the history, and the window in which there is no second one. */
function isKeptBeside(path: string, body: string): boolean {
  if (path.startsWith("rateLimits/")) return true;
  return (isAuditRow(path) || path.startsWith("outbox/")) && body.includes('"access.denied"');
}

function isAuditRow(path: string): boolean {
  return path.startsWith("platformAudit/") || /^orgs\/[^/]+\/audit\//.test(path);
}

function recorded(tx: Transaction, writes: Map<string, string | undefined>): Transaction {
  return {
    get: (path) => tx.get(path),
    getAll: (paths) => tx.getAll(paths),
    list: (query) => tx.list(query),
    create: (path, body) => {
      tx.create(path, body);
      writes.set(path, JSON.stringify(body));
    },
    set: (path, body) => {
      if (isAuditRow(path)) throw new Error(`${path} is an audit row: no function changes one`);
      tx.set(path, body);
      writes.set(path, JSON.stringify(body));
    },
    delete: (path) => {
      tx.delete(path);
      writes.set(path, undefined);
    },
  };
}
