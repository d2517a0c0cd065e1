import { isBuiltin } from "node:module";
import { join, relative } from "node:path";
import type { Metafile } from "esbuild";

/** What one bundle reaches from its entry. */
export interface Reached {
  /** Output files, relative to the output folder, sorted. */
  files: string[];
  /** Source modules, relative to the repository, sorted. */
  inputs: string[];
  /** npm packages that are not in the files, sorted. */
  packages: string[];
  /** npm packages that are, sorted. */
  bundled: string[];
}

/** Where the metafile's paths and the outputs lie. */
interface Place {
  root: string;
  folder: string;
}

/** Follows the imports of a metafile's outputs. */
export function reachedFrom(entry: string, metafile: Metafile, at: Place): Reached {
  return follow(entry, metafile, { ...at, isLazyToo: true });
}

/** What one bundle reads before it can take its first request: nothing that is imported lazily. */
export function startedFrom(entry: string, metafile: Metafile, at: Place): Reached {
  return follow(entry, metafile, { ...at, isLazyToo: false });
}

function follow(entry: string, metafile: Metafile, at: Place & { isLazyToo: boolean }): Reached {
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
    for (const { path, external, kind } of output.imports) {
      if (kind === "dynamic-import" && !at.isLazyToo) continue;
      if (!external) waiting.push(relative(at.folder, join(at.root, path)));
      // What a bundled package only tries to require is nothing that it needs.
      else if (!isBuiltin(path) && kind !== "require-call") packages.add(packageName(path));
    }
  }
  const bundled = new Set(
    [...inputs].flatMap((input) => /^.*node_modules\/(.+)$/.exec(input)?.[1] ?? []).map(packageName),
  );
  return {
    files: [...files].sort(),
    inputs: [...inputs].sort(),
    packages: [...packages].sort(),
    bundled: [...bundled].sort(),
  };
}

function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
