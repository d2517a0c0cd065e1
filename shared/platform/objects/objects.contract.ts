import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Objects } from "./objects.ts";

export interface ObjectsUnderTest {
  objects: Objects;
  close(): Promise<void>;
}

const text = (value: string): Uint8Array => Buffer.from(value);

/** What every adapter of the port must do. */
export function objectsContract(open: () => Promise<ObjectsUnderTest>): void {
  describe("objects contract", () => {
    let under: ObjectsUnderTest;
    let objects: Objects;
    beforeEach(async () => {
      under = await open();
      objects = under.objects;
    });
    afterEach(async () => {
      await under.close();
    });

    const bytesOf = async (name: string): Promise<Buffer | undefined> => {
      const bytes = await objects.get(name);
      return bytes === undefined ? undefined : Buffer.from(bytes);
    };

    it.each([
      ["no bytes", Buffer.alloc(0)],
      ["text", Buffer.from("größe,東京\r\n--x--\r\n\r\n")],
      ["all byte values", Buffer.from(Array.from({ length: 256 }, (_, at) => at))],
      ["two megabytes", randomBytes(2 * 1024 * 1024)],
    ])("gives back %s as put", async (_, bytes) => {
      await objects.put("imports/org_1/file.csv", bytes);

      expect((await bytesOf("imports/org_1/file.csv"))?.equals(bytes)).toBe(true);
    });

    it("gives the same bytes in ranges of any size, and none behind the end", async () => {
      const bytes = randomBytes(300);
      await objects.put("imports/file", bytes);
      const property = fc.asyncProperty(fc.integer({ min: 1, max: 400 }), async (size) => {
        const ranges: Uint8Array[] = [];
        for (let start = 0; start < bytes.length; start += size)
          ranges.push((await objects.getRange("imports/file", start, start + size)) ?? Buffer.from("absent"));

        expect(Buffer.concat(ranges).equals(bytes)).toBe(true);
      });
      await fc.assert(property, { numRuns: 8, examples: [[300], [299], [150], [400]] });
      expect(await objects.getRange("imports/file", 300, 310)).toHaveLength(0);
      expect(await objects.getRange("imports/file", 5, 5)).toHaveLength(0);
    });

    it("has no range of what is not there", async () => {
      await objects.put("imports/a/b", text("x"));

      expect(await objects.getRange("imports/a/c", 0, 10)).toBeUndefined();
      expect(await objects.getRange("imports/a/c", 0, 0)).toBeUndefined();
      expect(await objects.getRange("imports/a", 0, 10)).toBeUndefined();
    });

    it("has nothing where nothing was put", async () => {
      await objects.put("imports/a/b", text("x"));

      expect(await objects.get("imports/a/c")).toBeUndefined();
      expect(await objects.get("imports/a")).toBeUndefined();
      expect(await objects.get("imports/a/b/c")).toBeUndefined();
      expect(await objects.get("other")).toBeUndefined();
    });

    it("replaces what was there", async () => {
      await objects.put("a", text("first, and longer"));
      await objects.put("a", text("second"));

      expect((await bytesOf("a"))?.toString()).toBe("second");
      expect(await objects.list("")).toEqual(["a"]);
    });

    it("shows readers the old bytes or the new, never a mixture", async () => {
      const versions = Array.from({ length: 6 }, (_, at) => Buffer.alloc(300_000 + at, at));
      await objects.put("a", versions[0] ?? Buffer.alloc(0));

      const writes = (async () => {
        for (const version of versions) await objects.put("a", version);
      })();
      const reads = await Promise.all(Array.from({ length: 20 }, () => bytesOf("a")));
      await writes;

      for (const read of reads) expect(versions.some((version) => read?.equals(version) === true)).toBe(true);
    });

    it("keeps the caller's bytes as they were at the call", async () => {
      const bytes = Buffer.from("before");
      await objects.put("a", bytes);
      bytes.fill(0);

      expect((await bytesOf("a"))?.toString()).toBe("before");
    });

    it("deletes, and does not mind deleting nothing", async () => {
      await objects.put("imports/a/b", text("x"));

      await objects.delete("imports/a/b");
      await objects.delete("imports/a/b");
      await objects.delete("imports/a");
      await objects.delete("never/there");

      expect(await objects.get("imports/a/b")).toBeUndefined();
      expect(await objects.list("")).toEqual([]);
    });

    it("deletes no object when a folder of objects is named", async () => {
      await objects.put("imports/a/b", text("x"));

      await objects.delete("imports/a");
      await objects.delete("imports");

      expect(await objects.list("")).toEqual(["imports/a/b"]);
    });

    it("lists by code point under any prefix, page by page", async () => {
      const names = [
        "d/x",
        "d.csv",
        "d-e",
        "c/d/e/f",
        "a",
        "a-b",
        "a.csv",
        "b/10",
        "b/2/x",
        "B/1",
        "b=c/1",
        "b~/1",
        "ba",
      ];
      for (const name of names) await objects.put(name, text(name));
      const sorted = [
        "B/1",
        "a",
        "a-b",
        "a.csv",
        "b/10",
        "b/2/x",
        "b=c/1",
        "ba",
        "b~/1",
        "c/d/e/f",
        "d-e",
        "d.csv",
        "d/x",
      ];

      expect(await objects.list("")).toEqual(sorted);
      expect(await objects.list("b")).toEqual(["b/10", "b/2/x", "b=c/1", "ba", "b~/1"]);
      expect(await objects.list("b/")).toEqual(["b/10", "b/2/x"]);
      expect(await objects.list("b/2")).toEqual(["b/2/x"]);
      expect(await objects.list("c/d/e/f")).toEqual(["c/d/e/f"]);
      expect(await objects.list("a/")).toEqual([]);
      expect(await objects.list("x/y/z")).toEqual([]);
      expect(await objects.list("", { limit: 4 })).toEqual(sorted.slice(0, 4));
      expect(await objects.list("", { after: "a.csv", limit: 3 })).toEqual(["b/10", "b/2/x", "b=c/1"]);
      expect(await objects.list("", { after: "b/2" })).toEqual(sorted.slice(5));
      expect(await objects.list("b", { after: "a" })).toEqual(["b/10", "b/2/x", "b=c/1", "ba", "b~/1"]);
      expect(await objects.list("a", { after: "b" })).toEqual([]);
      expect(await objects.list("", { limit: 0 })).toEqual([]);
    });

    it("visits every object once when paging, whatever the page size", async () => {
      const names = Array.from({ length: 25 }, (_, at) => `p/${String(at).padStart(2, "0")}/file`);
      await Promise.all(names.map((name) => objects.put(name, text(name))));
      const property = fc.asyncProperty(fc.integer({ min: 1, max: 30 }), async (limit) => {
        const visited: string[] = [];
        for (let page = await objects.list("p/", { limit }); page.length > 0; ) {
          visited.push(...page);
          page = await objects.list("p/", { limit, after: page.at(-1) ?? "" });
        }

        expect(visited).toEqual(names);
      });
      await fc.assert(property, { numRuns: 8 });
    });

    it.each(["a".repeat(255), `${"a/".repeat(249)}ab`, "A-Za.z0_9~=/.hidden/...", "a=1/b=2"])(
      "takes the name %s",
      async (name) => {
        await objects.put(name, text("x"));

        expect((await bytesOf(name))?.toString()).toBe("x");
        expect(await objects.list("")).toEqual([name]);
      },
    );

    const badNames = [
      ["", "nothing"],
      ["/a", "a leading slash"],
      ["a/", "a closing slash"],
      ["a//b", "an empty segment"],
      [".", "a dot"],
      ["..", "two dots"],
      ["../a", "a way out"],
      ["a/../../b", "a way out in the middle"],
      ["a/./b", "a dot in the middle"],
      ["a/..", "a way up at the end"],
      ["a\\b", "a backslash"],
      ["a\u0000b", "NUL"],
      ["a b", "a space"],
      ["a\n", "a line feed"],
      ["ä", "a letter beyond ASCII"],
      ["%2e%2e/a", "percent signs"],
      ["C:/a", "a drive"],
      ["a+b", "a plus"],
      ["a".repeat(256), "a segment of 256 bytes"],
      [`${"a/".repeat(250)}a`, "501 bytes"],
    ] as const;
    it.each(badNames)("refuses the name %j: %s", async (name) => {
      const refused = { name: "AppError", code: "OBJECT_NAME_INVALID", retryable: false };

      await expect(objects.put(name, text("x"))).rejects.toMatchObject(refused);
      await expect(objects.get(name)).rejects.toMatchObject(refused);
      await expect(objects.getRange(name, 0, 1)).rejects.toMatchObject(refused);
      await expect(objects.delete(name)).rejects.toMatchObject(refused);
    });

    it.each(["/", "../", "a/../", "a//b", "./", "ä", "a b", "*"])("refuses the prefix %j", async (prefix) => {
      await expect(objects.list(prefix)).rejects.toMatchObject({ code: "OBJECT_NAME_INVALID" });
    });
  });
}
