import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

/** What works on native threads or makes thousands of objects a row, and is not what is simulated. */
const replaced: Readonly<Record<string, string>> = {
  "#shared/quality/checks.ts": "scripts/simulation/standing-checks.ts",
  "#shared/platform/warehouse/frame.ts": "scripts/simulation/plain-frames.ts",
};

const replacing: Plugin = {
  name: "replacing",
  setup: ({ onResolve }) => {
    onResolve({ filter: /^#shared\/(quality\/checks|platform\/warehouse\/frame)\.ts$/ }, ({ path }) => ({
      path: resolve(replaced[path] ?? ""),
    }));
  },
};

/**
 * The simulation with everything it runs as one file, loaded by Node itself: a test runner's own loader takes real time at
 * every `import()`, which a virtual clock does not see. The file lies where `configs/` is found as from the sources.
 */
export async function bundledSimulation(): Promise<typeof import("./simulation.ts")> {
  const folder = resolve("node_modules", ".cost-atlas-simulation");
  await mkdir(folder, { recursive: true });
  const outfile = join(folder, `simulation-${process.pid}.mjs`);
  await build({
    entryPoints: [resolve("scripts/simulation/simulation.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    plugins: [replacing],
    outfile,
    logLevel: "error",
  });
  try {
    return await import(/* @vite-ignore */ pathToFileURL(outfile).href);
  } finally {
    await rm(outfile);
  }
}
