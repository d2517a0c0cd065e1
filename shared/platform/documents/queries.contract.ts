import { describe, expect, it } from "vitest";
import { allPages, byRank, type ContractStore } from "./contract-store.ts";
import type { Query } from "./documents.ts";

/** Lists: filters, order, pages and what is refused. */
export function queriesContract(store: ContractStore): void {
  const { newPath, newKind, write, fill } = store;

  describe("queries", () => {
    it("finds by filter, in order, within the limit", async () => {
      const kind = newKind();
      await fill([2, 3, 1].map((rank) => ({ kind, rank })));
      await fill([{ kind: "other", rank: 9 }]);

      const page = await store.documents.list<{ rank: number }>(byRank(kind, { limit: 2 }));

      expect(page.documents.map((found) => found.body.rank)).toEqual([3, 2]);
      expect(page.documents[0]).toMatchObject({ version: 1, readAt: page.readAt });
      expect(page.next).toBeTypeOf("string");
    });

    it("pages through ties without loss or repetition, and ends without a cursor", async () => {
      const kind = newKind();
      const names = ["b", "a", null, "c", "a"];
      await fill(
        Array.from({ length: 25 }, (_, index) => ({
          kind,
          rank: index % 3 === 2 ? null : index % 3,
          name: names[index % 5],
        })),
      );
      const query: Query = {
        collection: "things",
        filters: [{ field: "kind", is: "==", value: kind }],
        orderBy: [
          { field: "rank", direction: "asc" },
          { field: "name", direction: "desc" },
        ],
        limit: 4,
      };

      const whole = await store.documents.list<Row>({ ...query, limit: 100 });
      const pages = await allPages<Row>(store.documents, query);

      expect(whole.next).toBeUndefined();
      expect(whole.documents.map(({ body }) => body.rank)).toEqual(
        [null, 0, 1].flatMap((rank) => new Array(rank === null ? 8 : rank === 0 ? 9 : 8).fill(rank)),
      );
      expect(pages.map((page) => page.documents.length)).toEqual([4, 4, 4, 4, 4, 4, 1]);
      expect(pages.flatMap((page) => page.documents.map((found) => found.path))).toEqual(
        whole.documents.map((found) => found.path),
      );
      const ofRankZero = whole.documents.filter(({ body }) => body.rank === 0).map(({ body }) => body.name);
      expect(ofRankZero).toEqual(["c", "c", "b", "b", "a", "a", "a", "a", null]);
    });

    it("pages descending through nulls and ties", async () => {
      const kind = newKind();
      await fill(Array.from({ length: 11 }, (_, index) => ({ kind, rank: index < 5 ? null : index % 2 })));
      const query = byRank(kind, { limit: 3 });

      const whole = await store.documents.list<Row>({ ...query, limit: 50 });
      const pages = await allPages<Row>(store.documents, query);

      expect(whole.documents.map(({ body }) => body.rank)).toEqual([1, 1, 1, 0, 0, 0, null, null, null, null, null]);
      expect(pages.flatMap(({ documents: found }) => found.map(({ path }) => path))).toEqual(
        whole.documents.map(({ path }) => path),
      );
      expect(whole.documents.slice(6).map(({ path }) => path)).toEqual(
        whole.documents
          .slice(6)
          .map(({ path }) => path)
          .toSorted()
          .reverse(),
      );
    });

    it("has no next page when the limit is met exactly", async () => {
      const kind = newKind();
      await fill([
        { kind, rank: 1 },
        { kind, rank: 2 },
      ]);

      expect((await store.documents.list(byRank(kind, { limit: 2 }))).next).toBeUndefined();
      expect((await store.documents.list(byRank(`none-${kind}`))).documents).toEqual([]);
    });

    it("compares ranges within the filter's own type", async () => {
      const kind = newKind();
      await fill([1, 2, 3, 2.5, "2", null, true].map((rank) => ({ kind, rank })));
      const range = async (...bounds: [">" | ">=" | "<" | "<=" | "==", string | number | null][]) => {
        const filters = bounds.map(([is, value]) => ({ field: "rank", is, value }));
        const page = await store.documents.list<Row>({
          collection: "things",
          filters: [{ field: "kind", is: "==", value: kind }, ...filters],
          orderBy: [{ field: "rank", direction: "asc" }],
          limit: 10,
        });
        return page.documents.map(({ body }) => body.rank);
      };

      expect(await range([">", 1])).toEqual([2, 2.5, 3]);
      expect(await range([">=", 2], ["<", 3])).toEqual([2, 2.5]);
      expect(await range(["<=", 2])).toEqual([1, 2]);
      expect(await range(["<", "3"])).toEqual(["2"]);
      expect(await range(["==", null])).toEqual([null]);
      expect(await range(["==", 2])).toEqual([2]);
    });

    it("filters by booleans, nested fields and the version", async () => {
      const mark = newKind();
      const [on = "", off = "", one = ""] = await fill([
        { isOn: true, mark },
        { isOn: false, mark },
        { isOn: 1, mark },
      ]);
      const until = "2031-01-01T00:00:00.000Z";
      const [leased = ""] = await fill([{ lease: { until } }, { lease: {} }, { lease: null }]);
      for (let round = 0; round < 6; round += 1) await write(leased, { lease: { until } });

      const by = async (field: string, value: string | number | boolean, orderBy: Query["orderBy"] = []) => {
        const query: Query = { collection: "things", filters: [{ field, is: "==", value }], orderBy, limit: 100 };
        return (await store.documents.list(query)).documents.map((found) => found.path);
      };

      expect(await by("isOn", true)).toEqual(expect.arrayContaining([on]));
      expect(await by("isOn", true)).not.toEqual(expect.arrayContaining([one]));
      expect(await by("isOn", false)).toEqual([off]);
      expect(await by("lease.until", until, [{ field: "lease.until", direction: "asc" }])).toEqual([leased]);
      expect(await by("version", 7)).toEqual([leased]);
    });

    it("orders and pages by the store's own createdAt, not by a member of that name", async () => {
      const kind = newKind();
      const paths: string[] = [];
      for (let index = 0; index < 5; index += 1) paths.push(...(await fill([{ kind, createdAt: `${9 - index}` }])));
      const query: Query = {
        collection: "things",
        filters: [{ field: "kind", is: "==", value: kind }],
        orderBy: [{ field: "createdAt", direction: "desc" }],
        limit: 2,
      };

      const pages = await allPages(store.documents, query);
      const found = pages.flatMap((page) => page.documents);

      expect(found.map(({ path }) => path).toSorted()).toEqual(paths.toSorted());
      const instants = found.map(({ createdAt }) => String(createdAt));
      expect(instants).toEqual(instants.toSorted().reverse());
    });

    it("leaves out documents that lack an ordered field", async () => {
      const kind = newKind();
      const [present] = await fill([{ kind, rank: null }, { kind }]);

      const page = await store.documents.list(byRank(kind));

      expect(page.documents.map((found) => found.path)).toEqual([present]);
    });

    it("keeps organizations apart and goes by bytes of text", async () => {
      const names = ["a", "B", "é", "\u{1F600}", "\uFFFD", "10", "9"];
      for (const name of names) await write(newPath("orgs/one/things"), { name });
      await write(newPath("orgs/two/things"), { name: "x" });
      await write("orgs/one/things/deep/things/n", { name: "deep" });

      const page = await store.documents.list<{ name: string }>({
        collection: "orgs/one/things",
        orderBy: [{ field: "name", direction: "asc" }],
        limit: 50,
      });

      expect(page.documents.map(({ body }) => body.name)).toEqual(["10", "9", "B", "a", "é", "\uFFFD", "\u{1F600}"]);
    });

    it.each<[string, Partial<Query>]>([
      ["another collection", { collection: "nothings" }],
      ["another filter", { filters: [{ field: "rank", is: "==", value: 1 }] }],
      ["a filter less", { filters: [] }],
      ["another direction", { orderBy: [{ field: "rank", direction: "asc" }] }],
      ["no order", { orderBy: [] }],
    ])("refuses a query with %s as not declared", async (_, change) => {
      const query = { ...byRank("any"), ...change };

      await expect(store.documents.list(query)).rejects.toMatchObject({ code: "QUERY_NOT_DECLARED" });
      await expect(store.documents.transaction(async (tx) => tx.list(query))).rejects.toMatchObject({
        code: "QUERY_NOT_DECLARED",
      });
    });

    it("refuses a collection path that leaves its place, limits below 1 and ranges on null", async () => {
      const ranged = { field: "rank", is: ">", value: null } as const;
      const query = byRank("any");

      await expect(store.documents.list({ ...query, collection: "orgs/../things" })).rejects.toMatchObject({
        code: "DOCUMENT_PATH_INVALID",
      });
      await expect(store.documents.list({ ...query, limit: 0 })).rejects.toMatchObject({ code: "QUERY_INVALID" });
      await expect(store.documents.list({ ...query, limit: 1.5 })).rejects.toMatchObject({ code: "QUERY_INVALID" });
      await expect(
        store.documents.list({
          ...query,
          filters: [...(query.filters ?? []), ranged],
          orderBy: [{ field: "rank", direction: "asc" }],
        }),
      ).rejects.toMatchObject({ code: "QUERY_INVALID" });
    });

    it("refuses a cursor that is not of this list", async () => {
      const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const strange = [
        "",
        "x",
        encode({}),
        encode([]),
        encode([1]),
        encode([1, "orgs/two/things/a"]),
        encode([{}, "things/a"]),
      ];

      for (const cursor of [...strange, encode([1, 2, "things/a"]), encode([1, "things/a/b/c"])]) {
        await expect(store.documents.list({ ...byRank("any"), cursor })).rejects.toMatchObject({
          code: "CURSOR_INVALID",
        });
      }
    });
  });
}
interface Row {
  rank: number | string | null | boolean;
  name?: string | null;
}
