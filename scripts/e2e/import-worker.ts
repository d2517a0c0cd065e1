import { copyFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { startFocusWorld } from "#shared/imports/focus-imports.fixture.ts";
import { readImport } from "#shared/imports/imports-read.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import { type ImportDocument, importPath } from "#shared/providers/focus/import-store.ts";

/** What became of the import of one file in a process of its own. */
export interface ImportNews {
  status: string;
  rows: number;
  /** The most memory that the process ever had, its start included. */
  peakMib: number;
}

const [path = "", sha256 = ""] = process.argv.slice(2);
const world = await startFocusWorld();
const { org, ports } = world;
try {
  const { body } = await world.delivered(Buffer.from("in its place comes a file that is larger than an upload may be"));
  if (!("import_id" in body)) throw new Error("the file was examined, not taken");
  await replaceFile(body.import_id);
  await processRun({ org: org.key, run_id: body.run_id }, ports);
  const { status, rows } = await readImport({ org, provider: "focus", importId: body.import_id }, ports.documents);
  tell({ status, rows: rows ?? 0, peakMib: process.resourceUsage().maxRSS / 1024 });
} finally {
  await world.world.stop();
  process.disconnect();
}

/** Without holding it: the upload of a whole file would be the largest thing that the process ever held. */
async function replaceFile(importId: string): Promise<void> {
  const { size } = await stat(path);
  const object = await ports.documents.transaction(async (tx) => {
    const { body } = await tx.get<ImportDocument>(importPath(org, importId));
    if (body === undefined) throw new Error("there is no such import");
    tx.set<ImportDocument>(importPath(org, importId), { ...body, sha256, bytes: size });
    return body.object;
  });
  await copyFile(path, join(ports.config.CA_DATA_DIR, "objects", object));
}

function tell(news: ImportNews): void {
  process.send?.(news);
}
