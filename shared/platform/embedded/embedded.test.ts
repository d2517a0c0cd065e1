import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConfiguration } from "#shared/runtime/config.ts";
import { open as openDocuments } from "./documents.ts";
import { open as openKeys } from "./keys.ts";
import { open as openMail } from "./mail.ts";
import { open as openObjects } from "./objects.ts";
import { open as openWarehouse } from "./warehouse.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "embedded-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("the embedded platform", () => {
  it("keeps everything in the data folder, each port in its place", async () => {
    const config = await readConfiguration({ ENVIRONMENT: "test", CA_DATA_DIR: join(folder, "data") });
    const documents = await openDocuments(config);
    await documents.transaction(async (tx) => tx.create("things/a", {}));
    await documents.close();

    await (await openKeys(config)).seal(Buffer.from("x"), "context");
    await (await openMail(config)).send({ id: "mail_1", to: "a@example.com", subject: "s", text: "t" });
    await (await openObjects(config)).put("a/b.csv", Buffer.from("x"));
    await (await openWarehouse(config)).ensureDataset({ id: "acme", label: "l", location: "EU", description: "" });

    expect((await readdir(join(folder, "data"))).sort()).toEqual([
      "documents.sqlite",
      "key-ring.json",
      "mail",
      "objects",
      "warehouse",
    ]);
  });

  it("opens later what it sealed before", async () => {
    const config = await readConfiguration({ ENVIRONMENT: "test", CA_DATA_DIR: folder });
    const sealed = await (await openKeys(config)).seal(Buffer.from("secret"), "context");

    const opened = await (await openKeys(config)).open(sealed, "context");

    expect(Buffer.from(opened).toString()).toBe("secret");
  });

  it("makes no key ring by itself outside of development", async () => {
    const config = await readConfiguration({ ENVIRONMENT: "staging", CA_DATA_DIR: folder });

    const sealing = (await openKeys(config)).seal(Buffer.from("x"), "context");

    await expect(sealing).rejects.toMatchObject({ code: "KEYS_UNAVAILABLE" });
    expect(await readdir(folder)).toEqual([]);
  });
});
