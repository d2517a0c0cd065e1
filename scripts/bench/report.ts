import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { type Aim, type Comparison, isMeasured, type Result } from "./comparison.ts";

/** Where the figures were taken: they compare within one run only. */
export interface Machine {
  node: string;
  platform: string;
  cpu: string;
  cores: number;
  memoryMiB: number;
  /** Of the last minute, before the first measurement: much more than 0 is somebody else's work. */
  loadBefore: number;
}

export interface Report {
  machine: Machine;
  startedAt: string;
  results: Result[];
  /** Digits that differ from the exact reference. */
  wrong: string[];
}

export function thisMachine(): Machine {
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    loadBefore: loadavg()[0] ?? 0,
  };
}

/** The report for people: machine, one line per comparison, what is wrong. */
export function reportText({ machine, results, wrong }: Report): string {
  const { cpu, cores, memoryMiB, node, platform, loadBefore } = machine;
  const load = loadBefore.toFixed(1);
  const facts = `${cores} cores (${cpu}), ${memoryMiB} MiB, ${platform}, Node ${node}, load before ${load}`;
  const notes = results
    .filter(isMeasured)
    .flatMap(({ name, note }) => (note === undefined ? [] : [`${name}: ${note}`]));
  return [
    facts,
    "",
    ...table([header, ...shown(results).map(line)]),
    ...rest(results),
    ...(notes.length === 0 ? [] : ["", ...new Set(notes)]),
    ...(wrong.length === 0 ? [] : ["", "WRONG DIGITS", ...wrong]),
  ].join("\n");
}

/** Of many functions that start, those whose start is the slowest stand for all. */
const coldRows = 12;

function shown(results: readonly Result[]): Result[] {
  const kept = new Set<Result>(slowestFirst(results).slice(0, coldRows));
  return results.filter((result) => kept.has(result) || !isCold(result));
}

function rest(results: readonly Result[]): string[] {
  const left = slowestFirst(results).slice(coldRows);
  const [most, least] = [left.at(0), left.at(-1)];
  if (most === undefined || least === undefined) return [];
  const missed = left.filter(({ isMet }) => isMet === false).length;
  const ratios = `${least.ratio.toFixed(2)}x to ${most.ratio.toFixed(2)}x`;
  return ["", `${left.length} more functions start within ${ratios}, ${missed} of them MISSED (--json lists each)`];
}

function isCold(result: Result): result is Comparison {
  return isMeasured(result) && result.part === "cold";
}

function slowestFirst(results: readonly Result[]): Comparison[] {
  return results.filter(isCold).sort((a, b) => b.ratio - a.ratio);
}

const header = ["", "subject", "yardstick", "ratio", "aim", ""];

function line(result: Result): string[] {
  if (!isMeasured(result)) return [result.name, `not measured: ${result.reason}`];
  const { name, subject, yardstick, ratio, aim, isMet } = result;
  const verdict = isMet === undefined ? "" : isMet ? "met" : "MISSED";
  return [name, sideText(result, subject), sideText(result, yardstick), `${ratio.toFixed(2)}x`, aimText(aim), verdict];
}

function sideText({ unit }: Comparison, { name, median }: Comparison["subject"]): string {
  const digits = unit === "ms" && median < 100 ? 1 : 0;
  return `${median.toFixed(digits)} ${unit}  ${name}`;
}

function aimText(aim: Aim | undefined): string {
  if (aim === undefined) return "";
  return "atMost" in aim ? `<= ${aim.atMost}x` : `>= ${aim.atLeast}x`;
}

function table(rows: readonly string[][]): string[] {
  const whole = rows.filter((row) => row.length > 2);
  const widths = header.map((_, column) => Math.max(...whole.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
