import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { developmentRootKey, rootKeyFile } from "./root-key.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "root-key-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("the development root key", () => {
  it("is made once, for the owner's eyes, and kept", async () => {
    const data = join(folder, "new");

    const key = await developmentRootKey(data);

    expect(key).toMatch(/^[A-Za-z0-9]{48}$/);
    expect((await stat(rootKeyFile(data))).mode & 0o777).toBe(0o600);
    expect(await developmentRootKey(data)).toBe(key);
    expect(await developmentRootKey(folder)).not.toBe(key);
  });

  it("is the same for all who start at once, and nothing else is left", async () => {
    const keys = await Promise.all(Array.from({ length: 10 }, () => developmentRootKey(folder)));

    expect(new Set(keys).size).toBe(1);
    expect(await readdir(folder)).toEqual(["root-key"]);
  });

  it("is refused when the file holds none", async () => {
    await writeFile(rootKeyFile(folder), "\n");

    await expect(developmentRootKey(folder)).rejects.toMatchObject({ code: "ROOT_KEY_MALFORMED" });
  });
});
