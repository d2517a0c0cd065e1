import { AppError } from "#shared/runtime/errors.ts";
import type { StreamContext, Streamed } from "../stream.ts";
import { storedBytes } from "./delivered-bytes.ts";
import type { FileReport } from "./file-report.ts";
import { finishReading, importOf, noteProgress } from "./import-store.ts";
import { refusedCode } from "./refusal.ts";

/** How far from its billing period a charge may lie: corrections keep the day of the charge that they correct. */
const monthsBefore = 24;
const monthsAfter = 2;
const progressEveryMilliseconds = 3_000;

/**
 * `focus.read`: an uploaded FOCUS file to published days. The file is the whole truth of each of its billing periods:
 * days that were published for the period and that the file lacks become empty. A file with an error changes nothing.
 */
export async function importFocusFile(context: StreamContext): Promise<Streamed> {
  const importId = context.parameters["import_id"] ?? "";
  const delivered = await importOf(context.org, "focus", importId, context.documents);
  const { readFocusFile } = await import("./read-file.ts");
  const vendor = context.metadata["vendor_name"];
  const report = await readFocusFile(
    {
      content: storedBytes(delivered, context.objects),
      sha256: delivered.sha256,
      uri: delivered.object,
      vendorName: typeof vendor === "string" ? vendor : null,
      control: delivered.control,
      provider: "focus",
      isCloud: false,
    },
    { signal: context.signal, write: context.writePart, progress: progressOf(context, importId) },
  );
  await finishReading(context.org, importId, report, context.documents);
  if (report.errorCount > 0) {
    throw new AppError(refusedCode, `The file has ${report.errorCount} errors; the import lists the first hundred.`);
  }
  return { sources: await sourcesOf(report, context), rows: report.rows, findings: report.findings, warnings: [] };
}

async function sourcesOf(report: FileReport, context: StreamContext): Promise<Streamed["sources"]> {
  const sources: Streamed["sources"] = {};
  for (const [period, days] of Object.entries(report.periods)) {
    const published = await context.publishedDays(period, monthsAround(period));
    const empty = published.filter((day) => !(day in days)).map((day) => [day, "empty"] as const);
    const complete = Object.keys(days).map((day) => [day, "complete"] as const);
    sources[period] = Object.fromEntries([...empty, ...complete]);
  }
  return sources;
}

function monthsAround(period: string): string[] {
  const [year = 0, month = 0] = period.split("-").map(Number);
  const count = monthsBefore + 1 + monthsAfter;
  return Array.from({ length: count }, (_, at) =>
    new Date(Date.UTC(year, month - 1 - monthsBefore + at, 1)).toISOString().slice(0, 7),
  );
}

function progressOf(context: StreamContext, importId: string): (rows: number) => Promise<void> {
  let shownAt = performance.now();
  return async (rows) => {
    if (performance.now() - shownAt < progressEveryMilliseconds) return;
    shownAt = performance.now();
    await noteProgress(context.org, importId, rows, context.documents);
  };
}
