import { readdir, readFile } from "node:fs/promises";
import { join, posix, relative, sep } from "node:path";

/** A TypeScript file; `path` is relative to the repository, with slashes. */
export interface Source {
  path: string;
  text: string;
}

/** Something that breaks a rule. */
export interface Fault {
  path: string;
  line?: number;
  problem: string;
}

export interface Import {
  /** A path of the repository, or the package's specifier. */
  target: string;
  specifier: string;
  /** True when it is gone after compilation. */
  isType: boolean;
  line: number;
}

const folders = ["functions", "shared", "scripts"];

/** All TypeScript files of the repository, sorted. */
export async function readSources(root: string): Promise<Source[]> {
  const found = await Promise.all(
    folders.map((folder) => readdir(join(root, folder), { recursive: true, withFileTypes: true })),
  );
  const files = found.flat().filter((entry) => entry.isFile() && entry.name.endsWith(".ts"));
  const paths = files.map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/")).sort();
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(root, path), "utf8") })));
}

const statement = /^(?:import|export)\s+(?:([^"';]*?)\s*from\s*)?"([^"]+)"/gm;
/** `import("x").Name` with a capital is a type; `import("x").then` is a call. */
const call = /(typeof\s+)?\bimport\(\s*"([^"]+)"\s*\)(\.[A-Z])?/g;

/** What a file imports and re-exports. Statements start at the beginning of a line, as the formatter leaves them. */
export function importsOf({ path, text }: Source): Import[] {
  const statements = [...text.matchAll(statement)].map(({ 0: all, 1: what = "", 2: specifier = "", index }) => ({
    specifier,
    isType: isTypeOnly(all, what),
    index,
  }));
  const calls = [...text.matchAll(call)].map(({ 1: isTypeof, 2: specifier = "", 3: typeName, index }) => ({
    specifier,
    isType: (isTypeof ?? typeName) !== undefined,
    index,
  }));
  return [...statements, ...calls].map(({ specifier, isType, index }) => ({
    specifier,
    isType,
    target: targetOf(path, specifier),
    line: lineAt(text, index),
  }));
}

/** Tests and what only they use. */
export function isTestSupport(path: string): boolean {
  return /\.(test|contract|fixture)\.ts$|\/fixtures\/|\/contract-|-double[/.]|\/loopback\//.test(path);
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function isTypeOnly(all: string, what: string): boolean {
  if (/^(?:import|export)\s+type\b/.test(all)) return true;
  const names = /^\{([^}]*)\}$/.exec(what.trim())?.[1]?.split(",") ?? [];
  const named = names.map((name) => name.trim()).filter((name) => name !== "");
  return named.length > 0 && named.every((name) => name.startsWith("type "));
}

function targetOf(path: string, specifier: string): string {
  if (/^#(shared|functions|scripts)\//.test(specifier)) return specifier.slice(1);
  if (specifier.startsWith(".")) return posix.join(posix.dirname(path), specifier);
  return specifier;
}
