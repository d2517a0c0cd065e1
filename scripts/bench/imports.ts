import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { createImport, type ImportCreateAnswer } from "#shared/imports/import-create.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { folderObjects } from "#shared/platform/objects/folder-objects.ts";
import type { Objects } from "#shared/platform/objects/objects.ts";
import { Reply } from "#shared/runtime/declaration.ts";
import { alternately, elapsed } from "./alternately.ts";
import type { Bench } from "./bench.ts";
import { compared, type Findings } from "./comparison.ts";
import { writeFocusFile } from "./focus-file.ts";
import { year } from "./org-year.ts";
import { unitsOf } from "./year-groups.ts";

const defaultRepetitions = 3;

/** A FOCUS CSV from its bytes to the published ledger, against DuckDB that turns the same file into Parquet. */
export async function imports({ folder, rows, seed, repetitions, say }: Bench): Promise<Findings> {
  const count = Math.max(...rows);
  const file = join(folder, "focus.csv");
  const exact = await writeFocusFile(file, { rows: count, seed });
  say(`import: ${count} rows written as CSV`);
  const world = await startWorld({ now: `${year + 1}-01-10T12:00:00Z` });
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const ports = { ...world.ports, objects: folderObjects({ folder: join(folder, "objects") }) };
  const wrong: string[] = [];
  let organizations = 0;
  try {
    const importOnce = async (): Promise<number> => {
      organizations += 1;
      const org = await connectedOrganization(world, ports, `bench_${organizations}`);
      const load = processLoad();
      const milliseconds = await elapsed(() => importFile(org, file, ports));
      say(`import: published in ${Math.round(milliseconds)} ms; ${load()}`);
      wrong.push(...(await wrongTotals(org, ports, exact)));
      return milliseconds;
    };
    const convertOnce = async (): Promise<number> => {
      const load = processLoad();
      const milliseconds = await elapsed(() => convert(connection, file, join(folder, "focus.parquet")));
      say(`import: DuckDB took ${Math.round(milliseconds)} ms; ${load()}`);
      return milliseconds;
    };
    const samples = await alternately(
      { subject: importOnce, yardstick: convertOnce },
      { warmUps: 0, repetitions: repetitions ?? defaultRepetitions },
    );
    const comparison = compared({
      part: "import",
      name: `import, ${count.toLocaleString("en")} rows`,
      unit: "ms",
      subject: { name: "CSV to ledger", samples: samples.subject },
      yardstick: { name: "DuckDB CSV to Parquet", samples: samples.yardstick },
      aim: { atMost: 2 },
    });
    return { results: [comparison], wrong };
  } finally {
    connection.closeSync();
    await world.stop();
  }
}

type ImportPorts = EnginePorts & { objects: Objects };

/** A new organization for every round: the same bytes again would be answered by the import that stands. */
async function connectedOrganization(world: World, ports: EnginePorts, slug: string): Promise<OrgIdentity> {
  const { org } = await world.onboarded(slug);
  await setUpIntegration({ org, provider: "focus", request: {} }, plainEffects<SetupAnswer>(ports), ports);
  return org;
}

async function importFile(org: OrgIdentity, path: string, ports: ImportPorts): Promise<void> {
  const runId = await upload(org, path, ports);
  await processRun({ org: org.key, run_id: runId }, ports);
}

/** By itself, so that the uploaded bytes are free while the run reads the stored ones, as after an answered request. */
async function upload(org: OrgIdentity, path: string, ports: ImportPorts): Promise<string> {
  const request = {
    org,
    caller: { kind: "root", credentialId: "root" } as const,
    provider: "focus",
    query: { file_name: "bench.csv" },
    file: await readFile(path),
    requestId: "req_bench",
    traceparent: undefined,
    claimedUser: undefined,
  };
  const answer = await createImport(request, plainEffects<ImportCreateAnswer>(ports), ports);
  const created = answer instanceof Reply ? answer.body : answer;
  if (!("run_id" in created)) throw new Error("the import was examined, not made");
  return created.run_id;
}

/** What the process spends from now on; ask once. DuckDB and its memory live in the same process. */
function processLoad(): () => string {
  const before = process.cpuUsage();
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  let peak = process.memoryUsage.rss();
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  return () => {
    clearInterval(watch);
    loop.disable();
    const { user, system } = process.cpuUsage(before);
    const seconds = (micros: number): string => (micros / 1e6).toFixed(1);
    const waits = `${Math.round(loop.max / 1e6)} ms at most, p99 ${Math.round(loop.percentile(99) / 1e6)} ms`;
    return `CPU ${seconds(user)} s and ${seconds(system)} s system, ${Math.round(peak / 2 ** 20)} MiB, others waited ${waits}`;
  };
}

/** What the ledger says was published, against the exact sums of the file. */
async function wrongTotals(
  org: OrgIdentity,
  { documents }: EnginePorts,
  exact: { billed: bigint; effective: bigint },
): Promise<string[]> {
  const months = Array.from({ length: 12 }, (_, at) => `${year}-${String(at + 1).padStart(2, "0")}`);
  const published = await Promise.all(months.map((month) => publishedMonth(org, month, 1, documents)));
  const totals = published.flatMap(({ days }) => days.flatMap(({ totals }) => Object.values(totals)));
  const sum = (at: 0 | 1): bigint => totals.reduce((all, amounts) => all + unitsOf(amounts[at]), 0n);
  const [billed, effective] = [sum(0), sum(1)];
  if (billed === exact.billed && effective === exact.effective) return [];
  return [
    `import: published billed ${billed}, effective ${effective}; exact ${exact.billed}, ${exact.effective} (10^-12 USD)`,
  ];
}

async function convert(connection: DuckDBConnection, from: string, to: string): Promise<void> {
  await connection.run(`COPY (SELECT * FROM read_csv('${from}')) TO '${to}' (FORMAT parquet, COMPRESSION zstd)`);
}
