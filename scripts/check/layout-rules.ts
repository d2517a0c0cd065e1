import { basename } from "node:path";
import { type Fault, lineAt, type Source } from "./sources.ts";

const forbiddenFolders = ["utils", "helpers", "common", "types"];
const mostLinesOfFunction = 60;
const declaration = /^export default (http|topic|scheduled)Function\(/m;
const promise = /\b(?:TO[D]O|FIX[M]E)\b/;

/**
 * What style.md says about rooms and function files and Biome cannot: its rules hold for names, default exports,
 * barrels, lengths of files and functions.
 */
export function layoutFaults(sources: readonly Source[]): Fault[] {
  const functions = sources.filter(({ path }) => path.startsWith("functions/") && !path.endsWith(".test.ts"));
  return [
    ...sources.flatMap((source) => [...placeFaults(source), ...promiseFaults(source)]),
    ...functions.flatMap(functionFaults),
    ...nameFaults(functions),
  ];
}

function placeFaults({ path }: Source): Fault[] {
  const folder = path.split("/").find((part) => forbiddenFolders.includes(part));
  const faults: Fault[] = [];
  if (folder !== undefined) faults.push({ path, problem: `a folder is named after its noun, not ${folder}` });
  if (basename(path) === "index.ts") faults.push({ path, problem: "a file is named after what it holds, not index" });
  return faults;
}

function promiseFaults({ path, text }: Source): Fault[] {
  const index = text.search(promise);
  return index < 0 ? [] : [{ path, line: lineAt(text, index), problem: "promises work instead of doing it" }];
}

function functionFaults({ path, text }: Source): Fault[] {
  const faults: Fault[] = [];
  const report = (problem: string, index = 0): void => {
    faults.push({ path, line: lineAt(text, index), problem });
  };
  const lines = text.trimEnd().split("\n").length;
  if (path.split("/").length !== 3) report("a function file stands in the folder of its area");
  if (lines > mostLinesOfFunction) report(`${lines} lines: a function file is wiring, at most ${mostLinesOfFunction}`);
  if (!declaration.test(text)) report("has no default export made by httpFunction, topicFunction, scheduledFunction");
  const branch = text.search(/\bif\s*\(/);
  if (branch >= 0) report("decides something: a function file is wiring", branch);
  return faults;
}

function nameFaults(functions: readonly Source[]): Fault[] {
  const byName = new Map<string, string>();
  return functions.flatMap(({ path }) => {
    const name = basename(path, ".ts");
    const other = byName.get(name);
    byName.set(name, other ?? path);
    return other === undefined ? [] : [{ path, problem: `is named like ${other}: names are unique over all areas` }];
  });
}
