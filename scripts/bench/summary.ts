import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { readSummary } from "#shared/costs/read-summary.ts";
import type { CostSummary } from "#shared/costs/summary-schema.ts";
import { alternately, elapsed } from "./alternately.ts";
import type { Bench } from "./bench.ts";
import { buildPrograms, type Program } from "./child-programs.ts";
import { type Aim, type Comparison, compared, type Findings } from "./comparison.ts";
import { duckdbGroups } from "./duckdb-groups.ts";
import { polarsGroups } from "./polars-groups.ts";
import { wrongAmounts } from "./summary-facts.ts";
import { differences, readGroupsText } from "./year-groups.ts";
import { askedQuery, askedRange, readClock, yearOrg } from "./year-question.ts";
import { type StoredYear, storeYear } from "./year-store.ts";

const warmRepetitions = 15;
const coldRepetitions = 3;
/** `costs.md` section 10, table of targets. */
const warmAim: Aim = { atMost: 1.2 };
const coldAim: Aim = { atMost: 2 };
const withCopies = "every month lies in one file that an earlier process left of its batches";
const withoutCopies = "every month is read from its batches: one Parquet file per day and source";

/** The summary of a year by the room against Polars and DuckDB over the same rows in one Parquet file. */
export async function summaries(bench: Bench): Promise<Findings> {
  const programFolder = join(bench.folder, "summary-programs");
  await mkdir(programFolder);
  const built = await buildPrograms(programFolder);
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const findings: Findings = { results: [], wrong: [] };
  for (const rows of bench.rows) {
    const folder = join(bench.folder, `year-${rows}`);
    const stored = await storeYear({ rows, seed: bench.seed, folder }, (line) => bench.say(`summary: ${line}`));
    const year: Year = { ...stored, rows, folder, connection, built, wrong: new Set() };
    bench.say(`summary: ${rows} rows, warm`);
    findings.results.push(...(await warm(year, bench)));
    // The store lets one process in.
    await stored.documents.close();
    bench.say(`summary: ${rows} rows, cold`);
    findings.results.push(...(await rebuilt(year, bench)), ...(await cold(year, bench)));
    findings.wrong.push(...year.wrong);
    await rm(folder, { recursive: true });
  }
  connection.closeSync();
  return findings;
}

interface Year extends StoredYear {
  rows: number;
  folder: string;
  connection: DuckDBConnection;
  built: Record<Program, string>;
  wrong: Set<string>;
}

interface Engines {
  room: () => Promise<CostSummary>;
  polars: () => ReturnType<typeof polarsGroups>;
  duckdb: () => ReturnType<typeof duckdbGroups>;
}

function warm(year: Year, bench: Bench): Promise<Comparison[]> {
  const engines: Engines = {
    room: () => readSummary({ org: yearOrg, query: askedQuery }, { ...year, clock: readClock }),
    polars: () => polarsGroups(year.file, askedRange),
    duckdb: () => duckdbGroups(year.connection, year.file, askedRange),
  };
  const rounds = { warmUps: 3, repetitions: bench.repetitions ?? warmRepetitions };
  return comparisons(year, { kind: "warm", engines, rounds, aim: warmAim });
}

function rebuilt(year: Year, bench: Bench): Promise<Comparison[]> {
  const engines = newProcesses(year);
  const room = async (): Promise<CostSummary> => {
    await rm(year.copies, { recursive: true, force: true });
    return engines.room();
  };
  const rounds = { warmUps: 0, repetitions: bench.repetitions ?? coldRepetitions };
  return comparisons(year, { kind: "rebuilt", engines: { ...engines, room }, rounds, note: withoutCopies });
}

function cold(year: Year, bench: Bench): Promise<Comparison[]> {
  const rounds = { warmUps: 0, repetitions: bench.repetitions ?? coldRepetitions };
  return comparisons(year, { kind: "cold", engines: newProcesses(year), rounds, aim: coldAim, note: withCopies });
}

function newProcesses({ built, file, folder }: Year): Engines {
  return {
    room: async () => JSON.parse(await printed(built["cold-room"], folder)) as CostSummary,
    polars: async () => readGroupsText(await printed(built["cold-polars"], file)),
    duckdb: async () => readGroupsText(await printed(built["cold-duckdb"], file)),
  };
}

async function comparisons(
  year: Year,
  by: { kind: string; engines: Engines; rounds: { warmUps: number; repetitions: number }; aim?: Aim; note?: string },
): Promise<Comparison[]> {
  const { engines, kind } = by;
  const name = `summary ${kind}, ${year.rows.toLocaleString("en")} rows`;
  const blame = (wrong: readonly string[]): void => {
    for (const line of wrong) year.wrong.add(line);
  };
  blame(wrongAmounts(`${name}: platform`, await engines.room(), year.exact));
  blame(differences(`${name}: Polars`, await engines.polars(), year.exact));
  blame(differences(`${name}: DuckDB`, await engines.duckdb(), year.exact));
  const samples = await alternately(
    {
      room: () => elapsed(engines.room),
      polars: () => elapsed(engines.polars),
      duckdb: () => elapsed(engines.duckdb),
    },
    by.rounds,
  );
  const about = { part: "summary", unit: "ms", subject: { name: "platform", samples: samples.room } } as const;
  const note = by.note === undefined ? {} : { note: by.note };
  const aim = by.aim === undefined ? {} : { aim: by.aim };
  return [
    compared({ ...about, ...note, name, yardstick: { name: "bare Polars", samples: samples.polars }, ...aim }),
    compared({ ...about, name, yardstick: { name: "DuckDB", samples: samples.duckdb } }),
  ];
}

/** What a program prints, from its spawn to its end. */
async function printed(program: string, argument: string): Promise<string> {
  const child = spawn(process.execPath, [program, argument], { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit") as Promise<[number | null]>;
  let text = "";
  for await (const part of child.stdout.setEncoding("utf8")) text += String(part);
  const [code] = await exit;
  if (code !== 0) throw new Error(`${program} ended with code ${code}`);
  return text;
}
