import { describe, expect, it } from "vitest";
import type { ContractStore } from "./contract-store.ts";

/** Single documents: their versions, bodies and paths. */
export function bodiesContract(store: ContractStore): void {
  const { newPath, write, fill, roundTrip } = store;

  describe("one document", () => {
    it("answers a missing document with an empty snapshot and the store's time", async () => {
      const snapshot = await store.documents.get("things/none");

      expect(snapshot).toMatchObject({ path: "things/none", body: undefined, version: 0, createdAt: undefined });
      expect(snapshot.updatedAt).toBeUndefined();
      expect(snapshot.readAt).toBeInstanceOf(Date);
    });

    it("creates a document at version 1 with its instants in UTC milliseconds", async () => {
      const path = newPath();

      await store.documents.transaction(async (tx) => tx.create(path, { name: "first" }));

      const snapshot = await store.documents.get(path);
      expect(snapshot).toMatchObject({ path, body: { name: "first" }, version: 1 });
      expect(snapshot.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(snapshot.updatedAt).toBe(snapshot.createdAt);
    });

    it("refuses to create a path that is taken, read before or not, and leaves the document", async () => {
      const path = newPath();
      await write(path, { name: "first" });

      const outcomes = await Promise.allSettled([
        store.documents.transaction(async (tx) => tx.create(path, { name: "second" })),
        store.documents.transaction(async (tx) => {
          await tx.get(path);
          tx.create(path, { name: "third" });
        }),
      ]);

      const refused = { status: "rejected", reason: { code: "DOCUMENT_EXISTS", retryable: false } };
      expect(outcomes).toMatchObject([refused, refused]);
      expect(await store.documents.get(path)).toMatchObject({ body: { name: "first" }, version: 1 });
    });

    it("replaces the whole body, grows the version by 1 and keeps createdAt", async () => {
      const path = newPath();
      await write(path, { a: 1, nested: { x: 1, y: 2 }, expireAt: "2040-01-01T00:00:00.000Z" });
      const first = await store.documents.get(path);

      await write(path, { nested: { z: 3 } });
      await write(path, { nested: { z: 4 } });

      const last = await store.documents.get(path);
      expect(last).toMatchObject({ version: 3, createdAt: first.createdAt });
      expect(last.body).toEqual({ nested: { z: 4 } });
      expect(String(last.updatedAt) >= String(first.updatedAt)).toBe(true);
    });

    it("deletes, and starts again at version 1", async () => {
      const path = newPath();
      await write(path, { a: 1 });
      await write(path, { a: 2 });

      await store.documents.transaction(async (tx) => tx.delete(path));
      const gone = await store.documents.get(path);
      await write(path, { a: 3 });

      expect(gone).toMatchObject({ body: undefined, version: 0 });
      expect(await store.documents.get(path)).toMatchObject({ body: { a: 3 }, version: 1 });
    });

    it("deletes what is not there without complaint, read before or not", async () => {
      await store.documents.transaction(async (tx) => tx.delete("things/never"));
      await store.documents.transaction(async (tx) => {
        await tx.get("things/never");
        tx.delete("things/never");
      });

      expect((await store.documents.get("things/never")).version).toBe(0);
    });

    it("gives many documents in the order of their paths, repeated ones repeatedly", async () => {
      const [one = "", two = ""] = await fill([{ n: 1 }, { n: 2 }]);

      const snapshots = await store.documents.getAll([two, "things/none", one, two]);

      expect(snapshots.map((snapshot) => snapshot.body)).toEqual([{ n: 2 }, undefined, { n: 1 }, { n: 2 }]);
      expect(await store.documents.getAll([])).toEqual([]);
    });

    it("never lets the read time go back", async () => {
      const path = newPath();
      const times: number[] = [];

      for (let round = 0; round < 10; round += 1) {
        await write(path, { round });
        times.push((await store.documents.get(path)).readAt.getTime());
      }

      expect(times).toEqual(times.toSorted((one, other) => one - other));
    });
  });

  describe("bodies", () => {
    it.each([
      ["null, false, 0 and empty text", { a: null, b: false, c: 0, d: "", e: [], f: {} }],
      ["unicode", { text: "Zürich 東京 \u{1F600} \u0000 e\u0301 \u200B", ключ: "значение" }],
      ["emoji and dotted keys in maps", { map: { "\u{1F680}": 1, "a.b/c": 2, "`~*": 3, " ": 4, "~[]": 5, "~": 6 } }],
      ["keys Firestore reserves", { "": 1, __name__: 2, map: { "": { "": [] }, __x__: 3, "~__x__": 4, "~~": 5 } }],
      ["numbers above 2^53 as text", { text: "9007199254740993", amount: "0.1", long: "1".repeat(40) }],
      ["numbers", { whole: 9007199254740991, less: -9007199254740991, part: 0.1, small: 5e-324, large: 1.7e308 }],
      [
        "nested maps and arrays",
        { a: [[1, [2, [3]]], [], [[]], { b: [[{ c: [["d"]] }]] }], m: { m: { m: { m: {} } } } },
      ],
      ["instants as the text they were", { at: "2026-01-01T00:00:00Z", until: "2026-01-01T00:00:00.123456789Z" }],
      [
        "names the store uses itself",
        { version: "v", createdAt: "c", updatedAt: null, body: { body: 1 }, path: "p", commitId: 7 },
      ],
    ])("keeps %s", async (_, body) => {
      expect(await roundTrip(body)).toEqual(body);
    });

    it("drops undefined members and turns minus zero into zero", async () => {
      const body = await roundTrip({ a: undefined, b: { c: undefined, d: -0 } });

      expect(body).toEqual({ b: { d: 0 } });
      expect(Object.keys(body ?? {})).toEqual(["b"]);
      expect(body?.["b"]).toStrictEqual({ d: 0 });
    });

    it("keeps a key __proto__ as a key and pollutes nothing", async () => {
      const body = JSON.parse(
        '{"map":{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}}},"__proto__":{"y":1}}',
      );

      const read = await roundTrip(body);

      const map = read?.["map"] as Record<string, unknown>;
      expect(Object.keys(map)).toEqual(["__proto__", "constructor"]);
      expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
      expect(JSON.parse(JSON.stringify(read))).toEqual(body);
      expect("isAdmin" in map).toBe(false);
      expect(Object.keys(Object.prototype)).toEqual([]);
    });

    it.each(["2030-05-06T07:08:09.123Z", "2030-05-06T07:08:09Z", "2030-05-06T07:08:09.123456Z"])(
      "gives expireAt %s back as the same text",
      async (expireAt) => {
        expect(await roundTrip({ expireAt, a: 1 })).toEqual({ expireAt, a: 1 });
      },
    );

    it("is not changed by what happens to the object after the call", async () => {
      const path = newPath();

      await store.documents.transaction(async (tx) => {
        const body = { list: [1] };
        tx.create(path, body);
        body.list.push(2);
      });

      expect((await store.documents.get(path)).body).toEqual({ list: [1] });
    });

    it.each([
      ["a date", { at: new Date(0) }],
      ["NaN", { n: Number.NaN }],
      ["a bigint", { n: 1n }],
      ["undefined in a list", { list: [undefined] }],
      ["an instance of a class", { map: new Map() }],
      ["a lone surrogate", { text: "\ud800" }],
      ["a list as body", [1]],
      ["an expireAt that is no instant", { expireAt: "tomorrow" }],
      ["an expireAt with an offset", { expireAt: "2030-05-06T07:08:09+02:00" }],
      ["a key of 1,401 bytes", { ["k".repeat(1_401)]: 1 }],
      ["19 levels", JSON.parse(`${'{"a":'.repeat(19)}1${"}".repeat(19)}`)],
    ])("refuses %s", async (_, body) => {
      const path = newPath();

      await expect(write(path, body)).rejects.toMatchObject({ code: "DOCUMENT_INVALID" });
      expect((await store.documents.get(path)).version).toBe(0);
    });

    it("keeps 17 levels and a body of 900 KiB, and refuses one byte more", async () => {
      const deep = JSON.parse(`${'{"a":'.repeat(17)}1${"}".repeat(17)}`);
      const exact = { text: "x".repeat(900 * 1024 - '{"text":""}'.length) };

      expect(await roundTrip(deep)).toEqual(deep);
      expect(await roundTrip(exact)).toEqual(exact);
      await expect(roundTrip({ text: `${exact.text}x` })).rejects.toMatchObject({ code: "DOCUMENT_TOO_LARGE" });
    });

    it("refuses a body that is small as text and large as Firestore counts", async () => {
      const body = { list: new Array(200_000).fill(1) };

      await expect(roundTrip(body)).rejects.toMatchObject({ code: "DOCUMENT_TOO_LARGE" });
    });
  });

  describe("paths", () => {
    const forbidden = ["", "things", "things/", "/things/a", "things//a/b", "things/.", "things/..", "things/../a/b"];
    const reserved = [
      "things/__x__",
      "__x__/a",
      "things/a/b",
      "things/a\0",
      "things/\ud800",
      `things/${"a".repeat(1_500)}`,
    ];

    it.each([...forbidden, ...reserved])("refuses %j to every verb", async (path) => {
      const refused = { code: "DOCUMENT_PATH_INVALID" };

      await expect(store.documents.get(path)).rejects.toMatchObject(refused);
      await expect(store.documents.getAll([path])).rejects.toMatchObject(refused);
      await expect(store.documents.transaction(async (tx) => tx.get(path))).rejects.toMatchObject(refused);
      await expect(store.documents.transaction(async (tx) => tx.create(path, {}))).rejects.toMatchObject(refused);
      await expect(store.documents.transaction(async (tx) => tx.delete(path))).rejects.toMatchObject(refused);
    });

    it("keeps a path of 1,500 bytes, dots, dashes, tildes and emoji", async () => {
      const paths = [
        `things/${"é".repeat(746)}a`,
        "things/a.b",
        "things/...",
        "things/a~b:c-d_e",
        "things/\u{1F680}",
        "things/__x",
      ];

      for (const path of paths) await write(path, { path });

      expect((await store.documents.getAll(paths)).map((snapshot) => snapshot.body)).toEqual(
        paths.map((path) => ({ path })),
      );
    });
  });
}
