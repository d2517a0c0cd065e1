import { relative } from "node:path";
import { parseArgs } from "node:util";
import { buildAll } from "./build.ts";

const help = `Bundles every function of functions/ for the cloud and lists them in dist/manifest.json.

npm run build -- [options]
  --out dist    the output folder; it is emptied first
`;

try {
  await run(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { out: { type: "string", default: "dist" }, help: { type: "boolean", short: "h", default: false } },
  });
  if (values.help) return console.log(help);
  const startedAt = performance.now();
  const { manifest, folder } = await buildAll(values.out);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const files = new Set(manifest.functions.flatMap((fn) => fn.files)).size;
  console.log(
    `${manifest.functions.length} functions in ${files} files: ${relative("", folder)}/manifest.json (${seconds} s)`,
  );
}
