import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { platformClient } from "#scripts/demo/platform-client.ts";
import { freePort } from "#scripts/emulators/emulators.ts";
import { alternately } from "./alternately.ts";
import type { Bench } from "./bench.ts";
import { buildPrograms } from "./child-programs.ts";
import { compared, type Findings } from "./comparison.ts";
import { ended, startServed, untilAnswered } from "./first-answer.ts";
import { answerOf, requestsPerSecond, type Target } from "./request-rate.ts";

const defaultRepetitions = 5;
const seconds = 2;
const org = "bench_org";
const hostProgram = fileURLToPath(new URL("../start/main.ts", import.meta.url));

/** GET quota through the local host, as `npm start` runs it, against a bare function that answers the same bytes. */
export async function requestRates({ folder, repetitions, say }: Bench): Promise<Findings> {
  const host = await startHostProcess(join(folder, "host-data"));
  try {
    const quota = await quotaTarget(host.port, host.rootKey);
    const { text } = await answerOf(quota);
    const programFolder = join(folder, "requests");
    await mkdir(programFolder);
    const programs = await buildPrograms(programFolder);
    const bare = await startServed({
      source: programs["bare-function"],
      target: "bare",
      folder: programFolder,
      environment: { BARE_ANSWER: text },
    });
    try {
      await untilAnswered(bare.child, bare.port, { method: "GET", path: "/" });
      say("requests: both servers are up");
      const samples = await alternately(
        {
          subject: () => requestsPerSecond(quota, seconds),
          yardstick: () => requestsPerSecond({ port: bare.port, path: "/", headers: {} }, seconds),
        },
        { warmUps: 1, repetitions: repetitions ?? defaultRepetitions },
      );
      const comparison = compared({
        part: "requests",
        name: "requests GET quota",
        unit: "requests/s",
        subject: { name: "local host", samples: samples.subject },
        yardstick: { name: "bare function", samples: samples.yardstick },
        aim: { atLeast: 0.5 },
      });
      return { results: [comparison], wrong: [] };
    } finally {
      await ended(bare.child);
    }
  } finally {
    await ended(host.child);
  }
}

/** The platform in a process of its own; only the limit of requests per minute is off, which would end the measurement. */
async function startHostProcess(dataFolder: string) {
  const port = await freePort();
  const rootKey = randomBytes(24).toString("hex");
  const child = spawn(process.execPath, ["--import", "tsx", hostProgram], {
    env: {
      PATH: process.env["PATH"],
      ENVIRONMENT: "development",
      PORT: String(port),
      CA_DATA_DIR: dataFolder,
      CA_ROOT_API_KEY: rootKey,
      RATE_LIMIT_ENABLED: "false",
    },
    stdio: "ignore",
  });
  try {
    await untilAnswered(child, port, { method: "GET", path: "/health/live" });
  } catch (error) {
    await ended(child);
    throw error;
  }
  return { child, port, rootKey };
}

async function quotaTarget(port: number, rootKey: string): Promise<Target> {
  const operator = platformClient(`http://127.0.0.1:${port}`, { "x-ca-root-key": rootKey });
  const onboarded = await operator.post("/api/v1/organizations/onboard", {
    org_slug: org,
    company_name: "Bench",
    admin_email: "admin@bench.test",
  });
  const headers = { "x-api-key": String(onboarded["api_key"]) };
  return { port, path: `/api/v1/organizations/${org}/quota`, headers };
}
