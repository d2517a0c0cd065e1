import pl from "nodejs-polars";
import { describe, expect, test } from "vitest";
import { blockBytes, heldBytes } from "./delivered-bytes.ts";
import { parquetText } from "./parquet-text.ts";

/** Heights of the frames, and the first column of all of them. */
async function framesOf(texts: readonly string[]): Promise<{ heights: number[]; first: unknown[] }> {
  const numbers = texts.map((_, at) => String(at));
  const bytes = pl.DataFrame({ number: numbers, text: texts }).writeParquet({ compression: "zstd" });
  const { frames, release } = await parquetText(heldBytes(bytes));
  const heights: number[] = [];
  const first: unknown[] = [];
  try {
    for await (const frame of frames) {
      heights.push(frame.height);
      first.push(...frame.getColumn("d0").toArray());
    }
  } finally {
    await release();
  }
  return { heights, first };
}

describe("a Parquet file", () => {
  test("of few bytes that stand for much text is read in frames of no more text than those of CSV", async () => {
    const length = 600_000;
    const rows = 30;

    const { heights, first } = await framesOf(Array.from({ length: rows }, () => "x".repeat(length)));

    expect(Math.max(...heights) * length).toBeLessThanOrEqual(blockBytes);
    expect(first).toEqual(Array.from({ length: rows }, (_, at) => String(at)));
  });

  test("is refused for a row that no line of CSV could hold", async () => {
    await expect(framesOf(["short", "x".repeat(1_100_000)])).rejects.toMatchObject({
      code: "IMPORT_REJECTED",
      extra: { errors: [{ rule: "line_limit" }] },
    });
  });

  test("of narrow rows is read in one frame for each ten thousand", async () => {
    const { heights } = await framesOf(Array.from({ length: 10_001 }, () => "x"));

    expect(heights).toEqual([10_000, 1]);
  });
});
