import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { buildAll } from "#scripts/build/build.ts";
import { repositoryRoot } from "#scripts/build/bundle.ts";
import type { ManifestEntry } from "#scripts/build/manifest.ts";
import { alternately, type Measure } from "./alternately.ts";
import type { Bench } from "./bench.ts";
import { buildPrograms } from "./child-programs.ts";
import { type Comparison, compared, type Findings } from "./comparison.ts";
import { type Asked, firstAnswerMilliseconds, type Served } from "./first-answer.ts";

const defaultRepetitions = 3;
/** Functions that are started in turn with one start of the yardstick. */
const groupSize = 8;
const polars = "nodejs-polars";
const yardstick = "hello world";

/** From spawn to first answer: every bundle of a fresh build against a function that says hello. */
export async function coldStarts({ folder, repetitions, say }: Bench): Promise<Findings> {
  const root = join(folder, "cold");
  await mkdir(root);
  const programs = await buildPrograms(root);
  const bundles = join(folder, "bundles");
  await mkdir(bundles);
  await symlink(join(repositoryRoot, "node_modules"), join(bundles, "node_modules"));
  const { manifest, folder: built } = await buildAll(join(bundles, "dist"));
  const hello: Served = { source: programs["bare-function"], target: "bare", folder: root, environment: {} };
  const results: Comparison[] = [];
  for (let at = 0; at < manifest.functions.length; at += groupSize) {
    const entries = manifest.functions.slice(at, at + groupSize);
    say(`cold: ${entries.map(({ name }) => name).join(", ")}`);
    const measures = entries.map((entry): [string, Measure] => {
      const served: Served = { source: join(built, entry.entry), target: entry.name, folder: built, environment };
      return [entry.name, () => firstAnswerMilliseconds(served, requestFor(entry))];
    });
    const samples = await alternately<string>(
      {
        ...Object.fromEntries(measures),
        [yardstick]: () => firstAnswerMilliseconds(hello, { method: "GET", path: "/" }),
      },
      { warmUps: 0, repetitions: repetitions ?? defaultRepetitions },
    );
    for (const entry of entries) results.push(comparisonOf(entry, samples[entry.name] ?? [], samples[yardstick] ?? []));
  }
  return { results, wrong: [] };
}

const environment = {
  // As deployed: under `test` each answer is held against its declaration too, which takes a schema compiler.
  ENVIRONMENT: "staging",
  PLATFORM: "gcp",
  LOG_LEVEL: "silent",
  GCP_PROJECT_ID: "bench-cold",
  METADATA_SERVER_DETECTION: "none",
  PUSH_OIDC_AUDIENCE: "https://bench.test",
  PUSH_SERVICE_ACCOUNT: "push@bench.test",
};

/** A call without credentials: the process has started, loaded its function and refused in our shape. */
function requestFor({ trigger }: ManifestEntry): Asked {
  const route = trigger.kind === "http" ? trigger.routes[0] : undefined;
  if (route === undefined) return { method: "POST", path: "/" };
  const method = route.method === "*" ? "GET" : route.method;
  return { method, path: route.path.replace(/\{[^}]+\}/g, "x") };
}

function comparisonOf(entry: ManifestEntry, own: number[], others: number[]): Comparison {
  const hasPolars = Object.hasOwn(entry.packages, polars);
  return compared({
    part: "cold",
    name: `cold ${entry.name}`,
    unit: "ms",
    subject: { name: hasPolars ? "with Polars" : "bundle", samples: own },
    yardstick: { name: yardstick, samples: others },
    aim: { atMost: hasPolars ? 2.5 : 1.5 },
  });
}
