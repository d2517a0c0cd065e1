import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { blockBytes, storedBytes } from "./delivered-bytes.ts";

const bytes = Buffer.alloc(blockBytes + 5, "a,b\n");
const sha256 = createHash("sha256").update(bytes).digest("hex");
const delivered = { object: "imports/one", bytes: bytes.length, sha256 };

/** Objects that keep these bytes, and how long the ranges were that were asked for. */
function keeping(kept: Buffer | undefined) {
  const asked: number[] = [];
  const getRange = async (_: string, start: number, end: number) => {
    asked.push(end - start);
    return kept?.subarray(start, end);
  };
  return { asked, getRange };
}

async function all(blocks: AsyncIterable<Buffer>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const block of blocks) read.push(block);
  return Buffer.concat(read);
}

describe("a stored file", () => {
  test("is read block by block, never as a whole", async () => {
    const objects = keeping(bytes);

    const read = await all(storedBytes(delivered, objects).blocks);

    expect(read.equals(bytes)).toBe(true);
    expect(objects.asked).toEqual([blockBytes, 5]);
  });

  test.each<[string, Buffer]>([
    ["other bytes", Buffer.concat([bytes.subarray(0, -1), Buffer.from("x")])],
    ["fewer bytes", bytes.subarray(0, -1)],
  ])("that has %s than were delivered is not taken for whole", async (_, kept) => {
    const failure = { code: "OBJECTS_UNAVAILABLE", retryable: true };

    await expect(all(storedBytes(delivered, keeping(kept)).blocks)).rejects.toMatchObject(failure);
  });

  test("that is gone has to be uploaded again", async () => {
    const gone = { code: "IMPORT_REJECTED" };

    await expect(all(storedBytes(delivered, keeping(undefined)).blocks)).rejects.toMatchObject(gone);
  });
});
