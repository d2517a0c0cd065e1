import { readdir } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type AnyFunction, topicOf } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";

/** Declarations by name. */
export type Functions = Readonly<Record<string, AnyFunction>>;

export const functionsFolder = fileURLToPath(new URL("../../functions", import.meta.url));

/**
 * Imports every function file below the folder; a function's name is its file's name. Throws `FUNCTIONS_INVALID` naming
 * both files where two have the same name or read the same topic, and a file whose default export is no declaration.
 */
export async function loadFunctions(folder: string = functionsFolder): Promise<Functions> {
  const files = await functionFiles(folder);
  const loaded = await Promise.all(
    [...files].map(async ([name, file]): Promise<[string, AnyFunction]> => [name, await declarationIn(file)]),
  );
  refuseSharedTopics(loaded);
  return Object.fromEntries(loaded);
}

/** The function files below the folder by the name of their function, in order of the names. */
export async function functionFiles(folder: string = functionsFolder): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const byName = new Map<string, string>();
  for (const file of files) {
    const name = basename(file, ".ts");
    const other = byName.get(name);
    if (other !== undefined) {
      const both = [other, file].map((each) => relative(folder, each)).join(" and ");
      throw invalid(`Two functions are named ${name}: ${both}. A name is unique over all areas.`);
    }
    byName.set(name, file);
  }
  return new Map([...byName].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function declarationIn(file: string): Promise<AnyFunction> {
  const module = (await import(pathToFileURL(file).href)) as { default?: AnyFunction };
  const kind = module.default?.kind;
  if (module.default === undefined || (kind !== "http" && kind !== "topic" && kind !== "scheduled")) {
    throw invalid(`${file} has no default export made by httpFunction, topicFunction or scheduledFunction.`);
  }
  return module.default;
}

/** Subscriptions are named after their topic, so a topic has one reader. */
function refuseSharedTopics(functions: readonly [string, AnyFunction][]): void {
  const readers = new Map<string, string>();
  for (const [name, fn] of functions) {
    const topic = topicOf(name, fn);
    if (topic === undefined) continue;
    const other = readers.get(topic);
    if (other !== undefined) throw invalid(`Two functions read the topic ${topic}: ${other} and ${name}.`);
    readers.set(topic, name);
  }
}

function invalid(message: string): AppError {
  return new AppError("FUNCTIONS_INVALID", message);
}
