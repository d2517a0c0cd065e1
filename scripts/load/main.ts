import { parseArgs } from "node:util";
import { type DispatchReport, dispatchDue } from "./due-schedules.ts";
import { type FanOutReport, fanOut, oneByOne } from "./fan-out.ts";
import { type FanOutSize, loadWorld } from "./load-world.ts";
import type { Spread } from "./spread.ts";

const help = `Makes organizations that all pull at once, and measures how their runs drain on the embedded platform.

npx tsx scripts/load/main.ts [options]
  --organizations 1000   how many
  --sources 5            credentials of each; every one is a run
  --schedules 0          then so many schedules that are due at once, at most 50 per organization
  --help

Prints runs, time to drain, messages a second, triggers, waits and the resident memory after each quarter of the runs;
the same for up to 100 organizations one after the other, with a free slot; and the dispatch of the due schedules. The
targets beside them are those of the specification. Progress goes to stderr.
`;

const calmOrganizations = 100;
const calmDay = "2026-08-07";

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
      schedules: { type: "string", default: "0" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return console.log(help);
  const size = {
    organizations: wholeNumber("--organizations", values.organizations),
    sources: wholeNumber("--sources", values.sources),
  };
  await measured(size, values.schedules === "0" ? 0 : wholeNumber("--schedules", values.schedules));
}

async function measured(size: FanOutSize, schedules: number): Promise<void> {
  console.error(`${size.organizations} organizations with ${size.sources} sources each are made ...`);
  const began = performance.now();
  const made = await loadWorld(size);
  try {
    console.error(`made in ${seconds((performance.now() - began) / 1000)}; ${used()}; all of them pull ...`);
    const report = await fanOut(made, size);
    console.log(fanOutText(report));
    console.error(`${used()}; some of them pull one after the other ...`);
    console.log(calmText(await oneByOne({ ...made, orgs: made.orgs.slice(0, calmOrganizations) }, calmDay)));
    if (schedules === 0) return;
    console.error(`${schedules} schedules become due ...`);
    console.log(dispatchText(await dispatchDue(made, schedules)));
  } finally {
    await made.world.stop();
  }
}

function fanOutText(report: FanOutReport): string {
  return [
    `${report.runs} runs drained in ${seconds(report.seconds)}, ${report.messagesPerSecond.toFixed(1)} messages/s`,
    `  trigger of an organization ${spread(report.trigger)}; created to claimed ${spread(report.createdToClaimed)}, behind all others`,
    `  deliveries per run ${report.deliveriesPerRun.toFixed(3)}, claims per run ${report.claimsPerRun.toFixed(3)} (target <= 1.2)`,
    `  resident MiB after each quarter: ${report.memory.join(" ")}`,
  ].join("\n");
}

function calmText({ runs, trigger, createdToClaimed }: FanOutReport): string {
  return [
    `${runs} runs, one organization after the other`,
    `  trigger ${spread(trigger)} (target p95 < 300 ms)`,
    `  created to claimed with a free slot ${spread(createdToClaimed)} (target p95 < 5000 ms)`,
  ].join("\n");
}

function dispatchText(report: DispatchReport): string {
  return `${report.dispatched} due schedules dispatched in ${seconds(report.seconds)} as ${report.runs} runs (target 10000 in < 300 s)`;
}

function spread({ p50, p95 }: Spread): string {
  return `p50 ${p50} ms, p95 ${p95} ms`;
}

function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

/** Of the whole process so far: on a busy machine it says more than the clock. */
function used(): string {
  const { user, system } = process.cpuUsage();
  return `${seconds((user + system) / 1e6)} of processor time so far`;
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new Error(`${name} must be a whole number from 1: ${text}`);
  return Number(text);
}
