import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createGzip } from "node:zlib";
import pl from "nodejs-polars";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largeCsv } from "#shared/providers/focus/fixtures/focus-csv.ts";
import type { ImportNews } from "./import-worker.ts";

/** Below a third of what the processor is given, whatever the file; some 200 of it the process has before it begins. */
const boundMib = 1280;
/** Two parts fill the memory that an import ever takes; the large file has four times as many rows. */
const rows = { small: 120_000, large: 480_000 };
const timeout = 300_000;

let folder = "";
let small: ImportNews;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "import-memory-"));
  small = await imported(await written("small.csv", largeCsv(rows.small)));
}, timeout);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the memory of an import does not grow with the file", () => {
  test("of CSV", { timeout }, async () => {
    const large = await imported(await written("large.csv", largeCsv(rows.large)));

    expectAlike(large);
  });

  test("of CSV compressed with gzip", { timeout }, async () => {
    const large = await imported(await written("large.csv.gz", largeCsv(rows.large)));

    expectAlike(large);
  });

  test("of Parquet", { timeout }, async () => {
    const text = await written("text.csv", largeCsv(rows.large));
    const file = join(folder, "large.parquet");
    await pl.scanCSV(text, { inferSchemaLength: 0 }).sinkParquet(file, { rowGroupSize: 30_000, sinkOptions }).collect();

    const large = await imported(file);

    expectAlike(large);
  });

  test("of rows that are ten times as wide", { timeout }, async () => {
    const wide = await imported(await written("wide.csv", largeCsv(40_000, 2_500)));

    expect(wide).toMatchObject({ status: "COMPLETED", rows: 40_000 });
    expect(wide.peakMib).toBeLessThan(boundMib);
  });
});

const sinkOptions = { syncOnClose: "none", maintainOrder: true, mkdir: false };

/** A quarter of what the file grew by is what the order of things in memory may cost. */
function expectAlike(large: ImportNews): void {
  expect(small).toMatchObject({ status: "COMPLETED", rows: rows.small });
  expect(large).toMatchObject({ status: "COMPLETED", rows: rows.large });
  expect(large.peakMib).toBeLessThan(boundMib);
  expect(large.peakMib / small.peakMib).toBeLessThan(1 + (rows.large / rows.small - 1) / 4);
}

async function written(name: string, lines: Iterable<string>): Promise<string> {
  const path = join(folder, name);
  const file = createWriteStream(path);
  const text = Readable.from(inPieces(lines));
  await (name.endsWith(".gz") ? pipeline(text, createGzip({ level: 1 }), file) : pipeline(text, file));
  return path;
}

function* inPieces(lines: Iterable<string>): Generator<string> {
  let piece: string[] = [];
  for (const line of lines) {
    piece.push(line);
    if (piece.length < 2_000) continue;
    yield piece.join("");
    piece = [];
  }
  yield piece.join("");
}

async function imported(path: string): Promise<ImportNews> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const script = fileURLToPath(new URL("./import-worker.ts", import.meta.url));
  const worker = fork(script, [path, hash.digest("hex")], { execArgv: ["--import", "tsx"] });
  const told: ImportNews[] = [];
  worker.on("message", (news: ImportNews) => told.push(news));
  await once(worker, "exit");
  await rm(path, { force: true });
  const [news] = told;
  if (news === undefined) throw new Error("the worker ended without news");
  return news;
}
