import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { coldStarts } from "./cold-starts.ts";
import { type Findings, isMeasured, type Part } from "./comparison.ts";
import { imports } from "./imports.ts";
import { help, type Options, readOptions } from "./options.ts";
import { type Report, reportText, thisMachine } from "./report.ts";
import { requestRates } from "./requests.ts";
import { reservations } from "./reservations.ts";
import { summaries } from "./summary.ts";

const measure: Record<Part, (bench: Bench) => Promise<Findings>> = {
  cold: coldStarts,
  summary: summaries,
  reservations,
  import: imports,
  requests: requestRates,
};

try {
  const options = readOptions(process.argv.slice(2));
  if (options.isHelp) console.log(help);
  else await run(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function run(options: Options): Promise<void> {
  const report: Report = { machine: thisMachine(), startedAt: new Date().toISOString(), results: [], wrong: [] };
  for (const part of options.only) {
    const { results, wrong } = await inFolder((folder) => measure[part](benchOf(options, folder)));
    report.results.push(...results);
    report.wrong.push(...wrong);
  }
  const json = JSON.stringify(report, null, 2);
  if (options.out !== undefined) await writeFile(options.out, `${json}\n`);
  console.log(options.isJson ? json : reportText(report));
  const isMissed = report.results.some((result) => isMeasured(result) && result.isMet === false);
  if (report.wrong.length > 0 || (options.isStrict && isMissed)) process.exitCode = 1;
}

function benchOf({ rows, seed, repetitions }: Options, folder: string): Bench {
  return { folder, rows, seed, repetitions, say: (line) => console.error(line) };
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "cost-atlas-bench-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
