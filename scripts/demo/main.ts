import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { bootstrapAtStart } from "#scripts/start/bootstrap-at-start.ts";
import { startHost } from "#scripts/start/host.ts";
import { developmentRootKey } from "#scripts/start/root-key.ts";
import { forgetEarlierBoot } from "#shared/pipelines/sweeper.ts";
import { createKeyRing } from "#shared/platform/keys/key-ring-file.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import { jsonLog } from "#shared/runtime/log.ts";
import { runDemo } from "./demo.ts";
import { demoReport } from "./report.ts";

const help = `The main job end to end in one go: onboard, connect OpenAI and Anthropic (simulated), run, import a FOCUS file, read.

npm run demo -- [options]
  --focus-file PATH   import this FOCUS file (CSV, CSV.gz, Parquet) in place of the project's own small sample
  --json              print one JSON document: { quota, runs, summary, imported }
  --keep              leave the platform running at the end
  --port N            where it listens (default: a free port)
  --help`;

const values = given();
if (values?.help) console.log(help);
else if (values !== undefined) await main(values);

/** The options; undefined where the command line is not understood, which is said. */
function given() {
  try {
    return parseArgs({
      options: {
        "focus-file": { type: "string" },
        json: { type: "boolean", default: false },
        keep: { type: "boolean", default: false },
        port: { type: "string", default: "0" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\nTry --help.`);
    process.exitCode = 1;
    return undefined;
  }
}

async function main(values: NonNullable<ReturnType<typeof given>>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cost-atlas-demo-"));
  const say = (line: string): void => {
    if (!values.json) console.log(line);
  };
  const simulator = await startSimulator({});
  await createKeyRing(join(folder, "key-ring.json"));
  const rootKey = await developmentRootKey(folder);
  const environment = {
    PORT: values.port,
    CA_DATA_DIR: folder,
    CA_ROOT_API_KEY: rootKey,
    CA_PROVIDER_SIMULATOR_URL: simulator.url,
  };
  const config = await readConfiguration({ ENVIRONMENT: "development", LOG_LEVEL: "error", ...environment });
  const host = await startHost({ config, log: jsonLog("silent"), onStart: [bootstrapAtStart, forgetEarlierBoot] });
  say(`the platform is running at ${host.url}, state in ${folder}`);
  try {
    const result = await runDemo({
      url: host.url,
      rootKey,
      month: lastMonth(new Date()),
      focusFile: values["focus-file"],
      say,
    });
    console.log(values.json ? JSON.stringify(result) : demoReport(result));
  } catch (error) {
    console.error(`the demo failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
  const stop = async (): Promise<void> => {
    await host.stop();
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
  };
  if (!values.keep) {
    await stop();
    return;
  }
  say(`left running: ${host.url}; the operator's key is in ${join(folder, "root-key")}; Ctrl-C stops it`);
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void stop().then(() => process.exit(0)));
}

/** The last whole calendar month before `now` (UTC), at most its first 31 days. */
function lastMonth(now: Date): { start: string; end: string } {
  const day = (month: number, date: number): string =>
    new Date(Date.UTC(now.getUTCFullYear(), month, date)).toISOString().slice(0, 10);
  return { start: day(now.getUTCMonth() - 1, 1), end: day(now.getUTCMonth(), 0) };
}
