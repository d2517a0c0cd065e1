import type { Documents, Page, Query, Snapshot } from "./documents.ts";

/** What the parts of the contract share: a store under test and short ways to fill it. */
export interface ContractStore {
  readonly documents: Documents;
  /** A second adapter on the same store; the first one where the store admits no second. */
  readonly second: Documents;
  newPath(collection?: string): string;
  newKind(): string;
  /** Creates or replaces a document. */
  write(path: string, body: object): Promise<void>;
  /** Creates a document of each body in one transaction, answers their paths. */
  fill(bodies: readonly object[]): Promise<string[]>;
  /** Creates a document and reads its body back. */
  roundTrip(body: object): Promise<Record<string, unknown> | undefined>;
}

/** `subject` is called at each use: the adapter is made after the tests are collected. */
export function contractStore(subject: () => { documents: Documents; second?: Documents }): ContractStore {
  let next = 0;
  const newPath = (collection = "things") => `${collection}/n${++next}`;

  return {
    get documents() {
      return subject().documents;
    },
    get second() {
      return subject().second ?? subject().documents;
    },
    newPath,
    newKind: () => `kind-${++next}`,
    write: (path, body) =>
      subject().documents.transaction(async (tx) => {
        await tx.get(path);
        tx.set(path, body);
      }),
    fill: async (bodies) => {
      const paths = bodies.map(() => newPath());
      await subject().documents.transaction(async (tx) => {
        for (const [index, path] of paths.entries()) tx.create(path, bodies[index] ?? {});
      });
      return paths;
    },
    roundTrip: async (body) => {
      const path = newPath();
      await subject().documents.transaction(async (tx) => tx.create(path, body));
      return (await subject().documents.get<Record<string, unknown>>(path)).body;
    },
  };
}

export interface Counter {
  count: number;
}

export function byRank(kind: string, change: Partial<Query> = {}): Query {
  const filters = [{ field: "kind", is: "==", value: kind }] as const;
  return { collection: "things", filters, orderBy: [{ field: "rank", direction: "desc" }], limit: 10, ...change };
}

export async function allPages<T extends object>(documents: Documents, query: Query): Promise<Page<T>[]> {
  const pages: Page<T>[] = [await documents.list<T>(query)];
  for (let last = pages.at(-1); last?.next !== undefined; last = pages.at(-1)) {
    pages.push(await documents.list<T>({ ...query, cursor: last.next }));
  }
  return pages;
}

/** One read-modify-write. */
export async function increment(documents: Documents, path: string): Promise<void> {
  await documents.transaction(async (tx) => {
    const seen: Snapshot<Counter> = await tx.get<Counter>(path);
    tx.set(path, { count: (seen.body?.count ?? 0) + 1 });
  });
}
