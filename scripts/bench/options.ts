import { parseArgs } from "node:util";
import { type Part, parts } from "./comparison.ts";

export const help = `Measures the platform against plain yardsticks, side by side in one run, and prints the ratios of the medians.

npm run bench -- [options]
  --only cold,summary    only these of: ${parts.join(", ")}
  --rows 100000,1000000  sizes of the organization's year of costs (summary); the largest one is imported (import)
  --seed 42              where the generated costs begin; the same seed makes the same rows
  --repetitions N        rounds of each comparison (default: between 3 and 15, as each needs)
  --json                 print one JSON document in place of the table
  --out FILE             write that document to a file too
  --strict               exit with code 1 when an aim is missed
  --help

Wrong digits always end it with code 1. Progress goes to stderr.
`;

export interface Options {
  only: Part[];
  rows: number[];
  seed: number;
  /** Rounds of each comparison; undefined: each has its own. */
  repetitions: number | undefined;
  isJson: boolean;
  out: string | undefined;
  isStrict: boolean;
  isHelp: boolean;
}

const maximumRows = 10_000_000;

/** Reads the command line. Throws an `Error` in words for whoever typed it. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", default: parts.join(",") },
      rows: { type: "string", default: "100000,1000000" },
      seed: { type: "string", default: "42" },
      repetitions: { type: "string" },
      json: { type: "boolean", default: false },
      out: { type: "string" },
      strict: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  return {
    only: values.only.split(",").map(partNamed),
    rows: values.rows.split(",").map((text) => wholeNumber("--rows", text, maximumRows)),
    seed: wholeNumber("--seed", values.seed, 0xffff_ffff),
    repetitions: values.repetitions === undefined ? undefined : wholeNumber("--repetitions", values.repetitions, 1000),
    isJson: values.json,
    out: values.out,
    isStrict: values.strict,
    isHelp: values.help,
  };
}

function partNamed(name: string): Part {
  const part = parts.find((each) => each === name);
  if (part === undefined) throw new Error(`--only knows ${parts.join(", ")}, not ${JSON.stringify(name)}`);
  return part;
}

function wholeNumber(option: string, text: string, most: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > most)
    throw new Error(`${option} takes whole numbers from 1 to ${most}, not ${JSON.stringify(text)}`);
  return number;
}
