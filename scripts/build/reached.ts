import { isBuiltin } from "node:module";
import { join, relative } from "node:path";
import type { Metafile } from "esbuild";

/** What one bundle reaches from its entry, lazily imported chunks included. */
export interface Reached {
  /** Output files, relative to the output folder, sorted. */
  files: string[];
  /** Source modules, relative to the repository, sorted. */
  inputs: string[];
  /** npm packages, sorted. */
  packages: string[];
}

/** Follows the imports of a metafile's outputs. `from` and `folder` are where the metafile's paths and the outputs lie. */
export function reachedFrom(entry: string, metafile: Metafile, at: { root: string; folder: string }): Reached {
  const outputs = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [relative(at.folder, join(at.root, path)), output]),
  );
  const files = new Set<string>();
  const inputs = new Set<string>();
  const packages = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const output = outputs.get(file);
    if (output === undefined) throw new Error(`the build made no ${file}`);
    if (files.has(file)) continue;
    files.add(file);
    for (const input of Object.keys(output.inputs)) inputs.add(input);
    for (const { path, external } of output.imports) {
      if (!external) waiting.push(relative(at.folder, join(at.root, path)));
      else if (!isBuiltin(path)) packages.add(packageName(path));
    }
  }
  return { files: [...files].sort(), inputs: [...inputs].sort(), packages: [...packages].sort() };
}

function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
