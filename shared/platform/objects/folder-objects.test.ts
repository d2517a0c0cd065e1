import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderObjects } from "./folder-objects.ts";
import { objectsContract } from "./objects.contract.ts";

let place: string;
let folder: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "objects-"));
  folder = join(place, "objects");
});
afterEach(async () => {
  await rm(place, { recursive: true, force: true });
});

objectsContract(async () => ({ objects: folderObjects({ folder }), close: async () => {} }));

describe("folder objects", () => {
  const bytes = Buffer.from("x");
  const invalid = { code: "OBJECT_NAME_INVALID" };

  it("leaves nothing beside the object after a put, and only its owner can read it", async () => {
    await folderObjects({ folder }).put("a/b", bytes);

    expect(await readdir(join(folder, "+partial"))).toEqual([]);
    expect((await stat(join(folder, "a", "b"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, "a"))).mode & 0o777).toBe(0o700);
  });

  it("does not list what a crash left half written", async () => {
    const objects = folderObjects({ folder });
    await objects.put("a", bytes);
    await writeFile(join(folder, "+partial", "half"), "ha");

    expect(await objects.list("")).toEqual(["a"]);
  });

  it("follows no link out of the folder", async () => {
    const objects = folderObjects({ folder });
    await mkdir(join(place, "outside"));
    await writeFile(join(place, "outside", "secret"), "secret");
    await objects.put("a/b", bytes);
    await symlink(join(place, "outside"), join(folder, "out"));
    await symlink(join(place, "outside", "secret"), join(folder, "link"));

    await expect(objects.get("out/secret")).rejects.toMatchObject(invalid);
    await expect(objects.put("out/secret", bytes)).rejects.toMatchObject(invalid);
    await expect(objects.put("out/new", bytes)).rejects.toMatchObject(invalid);
    await expect(objects.delete("out/secret")).rejects.toMatchObject(invalid);
    await expect(objects.list("out/")).rejects.toMatchObject(invalid);
    expect(await objects.get("link")).toBeUndefined();
    expect(await objects.list("")).toEqual(["a/b"]);
    await objects.delete("link");
    expect(await readdir(join(place, "outside"))).toEqual(["secret"]);
    expect(await readFile(join(place, "outside", "secret"), "utf8")).toBe("secret");
  });

  it("replaces a link in the object's place, not what it points to", async () => {
    const objects = folderObjects({ folder });
    await objects.put("a", bytes);
    await writeFile(join(place, "secret"), "secret");
    await symlink(join(place, "secret"), join(folder, "link"));

    await objects.put("link", Buffer.from("new"));

    expect(await readFile(join(place, "secret"), "utf8")).toBe("secret");
    expect(Buffer.from((await objects.get("link")) ?? []).toString()).toBe("new");
  });

  it("works below a folder that is itself reached over a link", async () => {
    await mkdir(folder);
    await symlink(folder, join(place, "mounted"));
    const objects = folderObjects({ folder: join(place, "mounted") });

    await objects.put("a/b", bytes);

    expect(await objects.list("")).toEqual(["a/b"]);
    expect(await objects.get("a/b")).toBeDefined();
  });

  it("refuses an object where a folder of objects is, and the other way round", async () => {
    const objects = folderObjects({ folder });
    await objects.put("a/b", bytes);
    await objects.put("c", bytes);

    await expect(objects.put("a", bytes)).rejects.toMatchObject({ code: "OBJECT_NAME_TAKEN", retryable: false });
    await expect(objects.put("c/d", bytes)).rejects.toMatchObject({ code: "OBJECT_NAME_TAKEN", retryable: false });
    expect(await objects.list("")).toEqual(["a/b", "c"]);
    expect(await readdir(join(folder, "+partial"))).toEqual([]);
  });

  it("is empty before the first put", async () => {
    const objects = folderObjects({ folder });

    expect(await objects.list("")).toEqual([]);
    expect(await objects.get("a")).toBeUndefined();
    await objects.delete("a");
  });

  it("says that it is unavailable when the disk does not take it", async () => {
    await writeFile(folder, "a file where the folder should be");

    await expect(folderObjects({ folder }).put("a", bytes)).rejects.toMatchObject({
      code: "OBJECTS_UNAVAILABLE",
      retryable: true,
    });
  });
});
