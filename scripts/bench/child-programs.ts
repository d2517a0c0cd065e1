import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { repositoryRoot } from "#scripts/build/bundle.ts";
import { configModules } from "#scripts/build/config-modules.ts";

/** Files of this folder that are started as processes of their own. */
export const programs = ["bare-function", "cold-room", "cold-polars", "cold-duckdb"] as const;

export type Program = (typeof programs)[number];

/**
 * Bundles the programs as the functions are bundled, so that no start pays for compiling TypeScript. Answers the path of
 * each; the folder gets a link to the installed packages.
 */
export async function buildPrograms(folder: string): Promise<Record<Program, string>> {
  await symlink(join(repositoryRoot, "node_modules"), join(folder, "node_modules"));
  await build({
    entryPoints: programs.map((name) => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    absWorkingDir: repositoryRoot,
    logLevel: "silent",
    plugins: [await configModules()],
  });
  return Object.fromEntries(programs.map((name) => [name, join(folder, `${name}.mjs`)])) as Record<Program, string>;
}
