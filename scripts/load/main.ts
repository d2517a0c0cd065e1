import { parseArgs } from "node:util";
import { type FanOutSize, fanOut, fanOutWorld } from "./fan-out.ts";

const help = `Makes organizations that all pull at once, and measures how their runs drain on the embedded platform.

npx tsx scripts/load/main.ts [options]
  --organizations 1000   how many
  --sources 5            credentials of each; every one is a run
  --help

Prints runs, seconds, messages a second, and the resident memory after each tenth of the runs. Progress goes to stderr.
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
    options: {
      organizations: { type: "string", default: "1000" },
      sources: { type: "string", default: "5" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return console.log(help);
  const organizations = wholeNumber("--organizations", values.organizations);
  await measured({ organizations, sources: wholeNumber("--sources", values.sources) });
}

async function measured(size: FanOutSize): Promise<void> {
  console.error(`${size.organizations} organizations with ${size.sources} sources each are made ...`);
  const made = await fanOutWorld(size);
  try {
    const { runs, seconds, messagesPerSecond, memory } = await fanOut(made, size);
    console.log(
      `${runs} runs drained in ${seconds.toFixed(1)} s, ${messagesPerSecond.toFixed(1)} messages/s; resident MiB by tenths: ${memory.join(" ")}`,
    );
  } finally {
    await made.world.stop();
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new Error(`${name} must be a whole number from 1: ${text}`);
  return Number(text);
}
