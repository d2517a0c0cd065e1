import { parseArgs } from "node:util";
import { forgetEarlierBoot } from "#shared/pipelines/sweeper.ts";
import { type Configuration, ConfigurationError, readConfiguration } from "#shared/runtime/config.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { bootstrapAtStart } from "./bootstrap-at-start.ts";
import { type Host, startHost } from "./host.ts";
import { helpText, nextSteps } from "./next-steps.ts";
import { developmentRootKey } from "./root-key.ts";

try {
  await run(process.argv.slice(2));
} catch (error) {
  console.error(problemText(error));
  process.exit(1);
}

async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { help: { type: "boolean", short: "h", default: false } } });
  if (values.help) return console.log(helpText());
  const { config, isRootKeyGenerated } = await configuration();
  const host = await startHost({ config, onStart: [bootstrapAtStart, forgetEarlierBoot] });
  stopOnSignals(host);
  console.log(nextSteps({ url: host.url, config, isRootKeyGenerated }));
}

/** The environment's configuration; in development with the root key of the data folder where none is set. */
async function configuration(): Promise<{ config: Configuration; isRootKeyGenerated: boolean }> {
  const config = await readConfiguration(process.env);
  if (config.PLATFORM !== "embedded") {
    throw new ConfigurationError([`PLATFORM=${config.PLATFORM} is deployed, not started here: leave it unset`]);
  }
  const isRootKeyGenerated = config.ENVIRONMENT === "development" && config.CA_ROOT_API_KEY === undefined;
  if (!isRootKeyGenerated) return { config, isRootKeyGenerated };
  const rootKey = await developmentRootKey(config.CA_DATA_DIR);
  return { config: Object.freeze({ ...config, CA_ROOT_API_KEY: rootKey }), isRootKeyGenerated };
}

function stopOnSignals(host: Host): void {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) process.exit(130);
    isStopping = true;
    console.log("\nstopping: work in progress ends first; Ctrl-C again ends at once");
    host.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(problemText(error));
        process.exit(1);
      },
    );
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
}

/** Expected problems in their own words, with the list of what is wrong; a bug with its stack. */
function problemText(error: unknown): string {
  if (error instanceof ConfigurationError) return error.message;
  if (error instanceof AppError) {
    const list = error.fields.map(({ path, problem }) => `\n  - ${path} ${problem}`).join("");
    return `Cost Atlas did not start: ${error.message}${list}`;
  }
  if (error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")) {
    return `${error.message}\nTry --help.`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
