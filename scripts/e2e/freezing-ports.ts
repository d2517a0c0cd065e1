import type { HostPorts } from "#scripts/start/host-ports.ts";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";

/** Thrown out of a transaction of an organization that stands still, so that it holds no lock; nobody else sees it. */
class StandsStill extends Error {}

/**
 * Where the work for each organization stands still for ever: right after so many of its durable effects (committed
 * transactions, written batches, kept files, published messages). Nothing of it happens afterwards, and nobody learns of
 * the last effect: what a kill of the process at that point leaves.
 */
interface Freezes {
  /** From now on counts from 0; a number for each organization that is to stand still. */
  arm(effects: Readonly<Record<string, number>>): void;
  /** Effects of an organization since it was armed. */
  count(orgKey: string): number;
}

/** What an adapter did, for whoever watches. */
interface Watcher {
  frozen(orgKey: string): void;
  wrote(batchId: string): void;
}

type Frozen = Pick<HostPorts, "documents" | "warehouse" | "objects" | "topics">;

const never = (): Promise<never> => new Promise(() => {});

/** The same ports for a process whose organizations can stand still; keys of organizations must be part of no other. */
export function freezingPorts(ports: Frozen, watcher: Watcher): { ports: Frozen; freezes: Freezes } {
  let limits: Readonly<Record<string, number>> = {};
  const counts = new Map<string, number>();
  const isStill = (orgKey: string | undefined): boolean =>
    orgKey !== undefined && (counts.get(orgKey) ?? 0) >= (limits[orgKey] ?? Number.POSITIVE_INFINITY);
  const effect = async <R>(orgKey: string | undefined, call: () => Promise<R>): Promise<R> => {
    if (isStill(orgKey)) return never();
    const result = await call();
    return orgKey === undefined ? result : done(orgKey, result);
  };
  const done = <R>(orgKey: string, result: R): R | Promise<never> => {
    if (isStill(orgKey)) return never();
    counts.set(orgKey, (counts.get(orgKey) ?? 0) + 1);
    if (!isStill(orgKey)) return result;
    watcher.frozen(orgKey);
    return never();
  };
  const transaction: Documents["transaction"] = async (body) => {
    let orgKey: string | undefined;
    const noted = (tx: Transaction) =>
      notingTransaction(tx, (found) => {
        orgKey = found;
        if (isStill(found)) throw new StandsStill();
      });
    try {
      const result = await ports.documents.transaction((tx) => body(noted(tx)));
      return orgKey === undefined ? result : await done(orgKey, result);
    } catch (error) {
      if (error instanceof StandsStill) return never();
      throw error;
    }
  };
  return {
    ports: {
      documents: overridden(ports.documents, { transaction }),
      warehouse: overridden(ports.warehouse, {
        write: (batch) => {
          watcher.wrote(batch.batchId);
          const orgKey = Object.keys(limits).find((key) => batch.datasetId.includes(key));
          return effect(orgKey, () => ports.warehouse.write(batch));
        },
      }),
      objects: overridden(ports.objects, {
        put: (name, bytes) => effect(name.split("/")[1], () => ports.objects.put(name, bytes)),
      }),
      topics: overridden(ports.topics, {
        publish: (messages) => {
          const orgs = new Set(messages.map(({ attributes }) => attributes["org"]));
          return effect(orgs.size === 1 ? [...orgs][0] : undefined, () => ports.topics.publish(messages));
        },
      }),
    },
    freezes: {
      arm: (effects) => {
        counts.clear();
        limits = effects;
      },
      count: (orgKey) => counts.get(orgKey) ?? 0,
    },
  };
}

/** Tells of the organization whose documents a transaction touches. */
function notingTransaction(tx: Transaction, note: (orgKey: string) => void): Transaction {
  const at = (path: string): void => {
    const orgKey = /^orgs\/([^/]+)/.exec(path)?.[1];
    if (orgKey !== undefined) note(orgKey);
  };
  const body = (written: object): void => {
    const { org } = written as { org?: unknown };
    if (typeof org === "string") note(org);
  };
  return {
    get: (path) => {
      at(path);
      return tx.get(path);
    },
    getAll: (paths) => {
      paths.forEach(at);
      return tx.getAll(paths);
    },
    list: (query) => {
      at(query.collection);
      return tx.list(query);
    },
    create: (path, written) => {
      at(path);
      tx.create(path, written);
    },
    set: (path, written) => {
      if (path.startsWith("outbox/")) body(written);
      at(path);
      tx.set(path, written);
    },
    delete: (path) => tx.delete(path),
  };
}

function overridden<Port extends object>(port: Port, verbs: Partial<Port>): Port {
  return new Proxy(port, {
    get(target, name) {
      const verb: unknown = Reflect.get(verbs, name) ?? Reflect.get(target, name);
      return typeof verb === "function" ? verb.bind(target) : verb;
    },
  });
}
