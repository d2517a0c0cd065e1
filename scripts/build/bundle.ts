import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { configModules } from "./config-modules.ts";
import { type EntrySources, entryModules } from "./entries.ts";

export const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/**
 * Bundles one entry per function into `<folder>/<name>.mjs` with shared chunks in `<folder>/chunks`; packages stay
 * outside. The same source gives the same bytes. Paths in the answer are relative to the folder.
 */
export async function bundle(sources: Omit<EntrySources, "root">, folder: string): Promise<Metafile> {
  const result = await build({
    entryPoints: Object.keys(sources.functions).map((name) => ({ in: `entry:${name}`, out: name })),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunks/[name]-[hash]",
    absWorkingDir: repositoryRoot,
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    logLevel: "silent",
    plugins: [await configModules(), entryModules({ ...sources, root: repositoryRoot })],
  });
  return result.metafile;
}
