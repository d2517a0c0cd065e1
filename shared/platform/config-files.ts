import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { AppError } from "#shared/runtime/errors.ts";
import { readStrictCsv } from "./strict-csv.ts";
import { readStrictJson } from "./strict-json.ts";
import { readStrictWords } from "./strict-words.ts";
import { readStrictYaml, type TextFault } from "./strict-yaml.ts";

const root = new URL("../../configs/", import.meta.url);

/**
 * The parsed content of a `.yml`, `.json`, `.csv` (rows by column name) or `.txt` file (words) below `configs/`, e.g.
 * `bootstrap/config.yml`. Throws `CONFIG_FILE_INVALID` naming file and line, also when the file is missing or the path leaves the folder.
 */
export async function configFile(path: string): Promise<unknown> {
  const text = await textOf(path);
  if (path.endsWith(".yml")) return parseYaml(text, path);
  const ending = /\.(json|csv|txt)$/.exec(path)?.[1];
  if (ending === undefined) throw invalid(path, [{ line: 1, problem: "is neither .yml, .json, .csv nor .txt" }]);
  const { value, faults } = await readers[ending as keyof typeof readers](text);
  if (faults.length > 0) throw invalid(path, faults);
  return value;
}

const readers = { json: readStrictJson, csv: (text: string) => readStrictCsv(text), txt: readStrictWords };

/** The names in a folder below `configs/` (`""`: the folder itself), sorted. Throws `CONFIG_FILE_INVALID` when it is missing. */
export async function configFolder(path: string): Promise<string[]> {
  if (path !== "") refuseForeign(path);
  try {
    return (await readdir(new URL(path, root))).sort();
  } catch (cause) {
    throw invalid(path, [{ line: 1, problem: "cannot be listed" }], cause);
  }
}

/**
 * Plain data from one strict YAML document (rules: `strict-yaml.ts`); `name` stands in the messages only.
 * Throws `CONFIG_FILE_INVALID` listing every fault with its line.
 */
export async function parseYaml(text: string, name: string): Promise<unknown> {
  const { value, faults } = await readStrictYaml(text);
  if (faults.length > 0) throw invalid(name, faults);
  return value;
}

async function textOf(path: string): Promise<string> {
  refuseForeign(path);
  try {
    const bytes = await readFile(fileURLToPath(new URL(path, root)));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid(path, [{ line: 1, problem: "cannot be read" }], cause);
  }
}

function refuseForeign(path: string): void {
  const isInside = path.split("/").every((name) => /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$/.test(name));
  if (!isInside) throw invalid(path, [{ line: 1, problem: "is not a path below configs/" }]);
}

function invalid(name: string, faults: readonly TextFault[], cause?: unknown): AppError {
  const fields = faults.map(({ line, problem }) => ({ path: `${name}:${line}`, problem }));
  const first = fields[0];
  return new AppError("CONFIG_FILE_INVALID", `${first?.path ?? name}: ${first?.problem ?? "invalid"}`, {
    fields,
    cause,
  });
}
