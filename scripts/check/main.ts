import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { awaitedTopics, consumedTopics } from "#scripts/build/topics.ts";
import { loadFunctions } from "#scripts/start/functions.ts";
import { configFaults } from "./configs.ts";
import { importFaults } from "./import-rules.ts";
import { layoutFaults } from "./layout-rules.ts";
import { type Fault, readSources } from "./sources.ts";
import { toolFaults } from "./tools.ts";
import { topicFaults } from "./topics.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Every check by its name; each answers the lines that say what is wrong. */
const checks: Readonly<Record<string, () => Promise<string[]>>> = {
  types: () => toolFaults(root, "tsc", ["--noEmit"]),
  biome: () => toolFaults(root, "biome", ["check", "--max-diagnostics=200", "--colors=off"]),
  knip: () => toolFaults(root, "knip", ["--no-progress"]),
  layout: async () => layoutFaults(await readSources(root)).map(faultText),
  imports: async () => importFaults(await readSources(root)).map(faultText),
  configs: async () => (await configFaults(root)).map(faultText),
  topics: async () => {
    const known = { consumed: consumedTopics(await loadFunctions()), awaited: await awaitedTopics() };
    return topicFaults(await readSources(root), known).map(faultText);
  },
};

const help = `Checks everything but the tests: ${Object.keys(checks).join(", ")}.

npm run check -- [names]     only these checks
`;

const asked = given();
const unknown = asked?.positionals.filter((name) => !(name in checks)) ?? [];
if (asked?.values.help) console.log(help);
else if (unknown.length > 0) {
  console.error(`There is no check ${unknown.join(", ")}; checks are ${Object.keys(checks).join(", ")}.`);
  process.exitCode = 1;
} else if (asked !== undefined) await run(asked.positionals.length > 0 ? asked.positionals : Object.keys(checks));

/** What is asked for; undefined where the command line is not understood, which is said. */
function given() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { help: { type: "boolean", short: "h", default: false } },
    });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\nTry --help.`);
    process.exitCode = 1;
    return undefined;
  }
}

async function run(names: readonly string[]): Promise<void> {
  const results = await Promise.all(names.map(runOne));
  const failed = results.filter(({ faults }) => faults.length > 0);
  for (const { name, faults } of failed) console.log(`\n${name}\n${faults.map((line) => `  ${line}`).join("\n")}`);
  console.log(failed.length === 0 ? "\nall checks passed" : `\n${failed.map(({ name }) => name).join(", ")} failed`);
  if (failed.length > 0) process.exitCode = 1;
}

async function runOne(name: string): Promise<{ name: string; faults: string[] }> {
  const startedAt = performance.now();
  const faults = (await checks[name]?.()) ?? [];
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${faults.length === 0 ? "ok    " : "FAILED"} ${name.padEnd(8)} ${seconds} s`);
  return { name, faults };
}

function faultText({ path, line, problem }: Fault): string {
  return `${path}${line === undefined ? "" : `:${line}`} ${problem}`;
}
