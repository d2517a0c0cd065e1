import { parseArgs } from "node:util";
import { controls } from "./control.ts";
import { faultModes } from "./faults/fault.ts";
import { providers } from "./providers.ts";
import type { SimulatorOptions } from "./server.ts";
import { scenarios } from "./simulation.ts";

/** The options of a command line; undefined when help is asked for. Throws on unknown or malformed ones. */
export function readCommandLine(args: string[]): SimulatorOptions | undefined {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: "string", default: "8790" },
      seed: { type: "string", default: "42" },
      from: { type: "string", default: "2026-01-01" },
      to: { type: "string", default: "today" },
      late: { type: "boolean", default: false },
      scenario: { type: "string", default: "default" },
      now: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const scenario = scenarios.find((name) => name === values.scenario);
  if (scenario === undefined) throw new Error(`--scenario must be one of ${scenarios.join(", ")}`);
  const port = integer("port", values.port);
  if (port < 0 || port > 65_535) throw new Error("--port must be from 0 to 65535");
  const { from, to, late, now } = values;
  return { port, seed: integer("seed", values.seed), from, to, late, scenario, ...(now === undefined ? {} : { now }) };
}

/** The text of `--help`. */
export function helpText(): string {
  return `Serves the APIs of providers on loopback, with made-up but exact data: same seed, same bytes.

npm run simulate-providers -- [options]
  --port 8790          0 takes a free one
  --seed 42            any integer; all data depend on it
  --from 2026-01-01    first UTC day with data
  --to today           last UTC day with data, or today
  --late               a day shows 70 % of its units on itself, then 90, 97, 100 %
  --scenario default   ${scenarios.join(", ")}; wide adds embeddings, moderations, images, audio, storage and code execution
  --now <instant>      holds the simulator's clock

${descriptionOf("http://127.0.0.1:8790")}
Fault modes: ${faultModes.join(", ")}
`;
}

/** What a running simulator offers: paths, key forms, controls and next steps. */
export function descriptionOf(url: string): string {
  const served = providers.flatMap(({ name, routes, keyForms, shortestAccount }) => [
    `${name}`,
    ...routes.map(({ path }) => `  GET ${url}/${name}${path}`),
    `  keys (<account>: letters, digits, - and _; ${shortestAccount} characters or more pass the product's shape check)`,
    ...keyForms.map(({ form, effect }) => `    ${form.padEnd(36)} ${effect}`),
  ]);
  const samples = providers.map(
    ({ name, sample }) =>
      `  curl -gs '${url}/${name}${sample.path}' ${sample.headers.map((line) => `-H '${line}'`).join(" ")}`,
  );
  return `${served.join("\n")}

controls
${Object.keys(controls)
  .map((line) => `  ${line.replace(" ", ` ${url}`)}`)
  .join("\n")}

next
${samples.join("\n")}
  curl -s '${url}/__sim/truth?provider=openai&account=example&from=2026-07-01&to=2026-07-01'
  curl -s -X PUT ${url}/__sim/faults -d '{"provider":"openai","mode":"429","count":2,"args":{"retry_after":1}}'
  CA_PROVIDER_SIMULATOR_URL=${url} npm start
`;
}

function integer(name: string, text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new Error(`--${name} must be an integer: ${text}`);
  return Number(text);
}
