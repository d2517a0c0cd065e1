import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKeyRing, disableKeyRingVersion, readKeyRing, rotateKeyRing } from "./key-ring-file.ts";
import { keyRingKeys } from "./key-ring-keys.ts";
import { keysContract } from "./keys.contract.ts";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "key-ring-"));
  file = join(folder, "key-ring.json");
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

keysContract(async () => {
  await createKeyRing(file);
  let previous = "";
  return {
    keys: keyRingKeys({ file }),
    async rotate() {
      previous = (await readKeyRing(file)).primary;
      await rotateKeyRing(file);
    },
    disablePrevious: () => disableKeyRingVersion(file, previous),
    cutOff: () => rm(file),
    close: async () => {},
  };
});

describe("key ring", () => {
  it("is made for its owner alone, with the development marker", async () => {
    await createKeyRing(file);

    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ generated: "development", primary: "1" });
  });

  it("carries no marker when an operator makes it", async () => {
    await createKeyRing(file, "production");

    expect(JSON.parse(await readFile(file, "utf8"))).not.toHaveProperty("generated");
  });

  it("is made once when many start at once, and leaves nothing else behind", async () => {
    const keys = keyRingKeys({ file });

    await Promise.all(Array.from({ length: 20 }, () => createKeyRing(file)));
    const sealed = await keys.seal(Buffer.from("x"), "c");
    await createKeyRing(file);

    expect(Buffer.from(await keys.open(sealed, "c")).toString()).toBe("x");
    expect(await readdir(folder)).toEqual(["key-ring.json"]);
  });

  it("keeps mode and marker over a rotation", async () => {
    await createKeyRing(file);

    expect(await rotateKeyRing(file)).toBe("2");
    expect(await rotateKeyRing(file)).toBe("3");

    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { generated, primary, versions } = await readKeyRing(file);
    expect([generated, primary, versions.map(({ version }) => version)]).toEqual(["development", "3", ["1", "2", "3"]]);
    expect(new Set(versions.map(({ key }) => key)).size).toBe(3);
  });

  it("does not disable the primary version", async () => {
    await createKeyRing(file);

    await expect(disableKeyRingVersion(file, "1")).rejects.toMatchObject({ code: "KEY_RING_PRIMARY" });
  });

  it.each([0o604, 0o640, 0o644, 0o660, 0o777])(
    "is refused with mode %o, also when it was fine before",
    async (mode) => {
      await createKeyRing(file);
      const keys = keyRingKeys({ file });
      const sealed = await keys.seal(Buffer.from("x"), "c");
      await chmod(file, mode);

      await expect(keys.open(sealed, "c")).rejects.toMatchObject({
        code: "KEY_RING_UNSAFE",
        message: expect.stringContaining(`chmod 600 ${file}`),
      });
      await expect(keys.seal(Buffer.from("x"), "c")).rejects.toMatchObject({ code: "KEY_RING_UNSAFE" });
    },
  );

  it.each([
    ["no JSON", "{"],
    ["another file", '{"name": "x"}'],
    ["null", "null"],
    ["a ring without its primary", ring({ primary: "2" })],
    ["a ring whose primary is disabled", ring({ isDisabled: true })],
    ["a short key", ring({ key: Buffer.alloc(16).toString("base64") })],
    ["a version that is no number", ring({ version: "x", primary: "x" })],
  ])("is refused when the file holds %s, without quoting it", async (_, text) => {
    await writeFile(file, text, { mode: 0o600 });

    const error: unknown = await keyRingKeys({ file })
      .seal(Buffer.from("x"), "c")
      .catch((reason: unknown) => reason);

    expect(error).toMatchObject({ code: "KEY_RING_MALFORMED", retryable: false });
    expect(String(error)).not.toContain("AAAA");
  });

  it("of another installation opens nothing", async () => {
    await createKeyRing(file);
    const sealed = await keyRingKeys({ file }).seal(Buffer.from("x"), "c");
    const other = join(folder, "other.json");
    await createKeyRing(other);

    await expect(keyRingKeys({ file: other }).open(sealed, "c")).rejects.toMatchObject({ code: "SEALED_UNREADABLE" });
  });
});

function ring(changes: { primary?: string; version?: string; key?: string; isDisabled?: boolean }): string {
  const { primary = "1", version = "1", key = Buffer.alloc(32).toString("base64"), isDisabled = false } = changes;
  const versions = [{ version, key, createdAt: "2026-01-01T00:00:00Z", isDisabled }];
  return JSON.stringify({ format: "cost-atlas-key-ring-1", name: "n", primary, versions });
}
