import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { buildAll } from "#scripts/build/build.ts";
import { repositoryRoot } from "#scripts/build/bundle.ts";
import type { ManifestEntry } from "#scripts/build/manifest.ts";
import { alternately } from "./alternately.ts";
import type { Bench } from "./bench.ts";
import { buildPrograms } from "./child-programs.ts";
import { type Comparison, compared, type Findings } from "./comparison.ts";
import { type Asked, firstAnswerMilliseconds, type Served } from "./first-answer.ts";

const defaultRepetitions = 5;
const polars = "nodejs-polars";

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
  for (const entry of manifest.functions) {
    say(`cold: ${entry.name}`);
    const served: Served = {
      source: join(built, entry.entry),
      target: entry.name,
      folder: built,
      environment,
    };
    const samples = await alternately(
      {
        subject: () => firstAnswerMilliseconds(served, requestFor(entry)),
        yardstick: () => firstAnswerMilliseconds(hello, { method: "GET", path: "/" }),
      },
      { warmUps: 0, repetitions: repetitions ?? defaultRepetitions },
    );
    results.push(comparisonOf(entry, samples));
  }
  return { results, wrong: [] };
}

const environment = {
  ENVIRONMENT: "test",
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

function comparisonOf(
  entry: ManifestEntry,
  { subject, yardstick }: { subject: number[]; yardstick: number[] },
): Comparison {
  const hasPolars = Object.hasOwn(entry.packages, polars);
  return compared({
    part: "cold",
    name: `cold ${entry.name}`,
    unit: "ms",
    subject: { name: hasPolars ? "with Polars" : "bundle", samples: subject },
    yardstick: { name: "hello world", samples: yardstick },
    aim: { atMost: hasPolars ? 2.5 : 1.5 },
  });
}
