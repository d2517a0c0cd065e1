import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { createKeyRing } from "#shared/platform/keys/key-ring-file.ts";
import { call, type JourneyPlatform, onboard, plain, root, truth, watchRun } from "./journey.ts";

const rootKey = "root-key-of-the-tests-0123456789abcdef";
const account = "crashing1";
const days = { start_date: "2026-07-31", end_date: "2026-08-01" };
/** More durable effects than one run has; the loop ends with the first run that outlives its number. */
const most = 80;

/** What must be the same after a crash as without one. */
interface Outcome {
  status: unknown;
  days: Record<string, string>;
  quota: unknown;
  journalVersions: unknown;
}

describe("kill -9 of the host after every durable effect of a run", () => {
  let folder: string;
  let bundle: string;
  let simulator: Awaited<ReturnType<typeof startSimulator>>;
  let child: ChildProcess;
  let platform: JourneyPlatform;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cost-atlas-"));
    simulator = await startSimulator({ now: "2026-08-10T12:00:00Z" });
    await createKeyRing(join(folder, "key-ring.json"));
    bundle = await bundled();
    await restart();
  }, 120_000);
  afterAll(async () => {
    child.kill("SIGKILL");
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
    await rm(bundle, { force: true });
  });

  async function restart(): Promise<void> {
    const env = {
      ...process.env,
      ENVIRONMENT: "test",
      PORT: "0",
      CA_DATA_DIR: folder,
      CA_ROOT_API_KEY: rootKey,
      CA_PROVIDER_SIMULATOR_URL: simulator.url,
      RATE_LIMIT_ENABLED: "false",
    };
    child = fork(bundle, { env, execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const [ready] = (await once(child, "message")) as [{ url: string }];
    platform = { url: ready.url, rootKey, simulatorUrl: simulator.url };
  }

  async function arm(effects: number): Promise<void> {
    const answered = once(child, "message");
    child.send({ arm: effects });
    await answered;
  }

  /** Runs for a fresh organization, killed after so many effects; undefined when the run outlived them. */
  async function killedRun(effects: number, slug: string): Promise<{ wasKilled: boolean; outcome: Outcome }> {
    const key = await onboard(platform, slug, account);
    const ended = once(child, "exit").then(() => "killed");
    await arm(effects);
    const triggered = trigger(slug, key);
    const finished = triggered.then(async (runId) => {
      await watchRun(platform, slug, key, runId);
      return "finished";
    });
    const wasKilled = (await Promise.race([ended, finished.catch(() => ended)])) === "killed";
    if (wasKilled) await restart();
    else await arm(Number.MAX_SAFE_INTEGER);
    const runId = (await onlyRun(slug, key)) ?? (await trigger(slug, key));
    const run = await watchRun(platform, slug, key, runId);
    return { wasKilled, outcome: await outcomeOf(run, slug, key) };
  }

  async function trigger(slug: string, key: string): Promise<string> {
    const { status, body } = await call(platform, "POST", `/api/v1/pipelines/run/${slug}/openai/cost/usage_cost`, {
      headers: { "x-api-key": key },
      body: days,
    });
    expect([200, 202], JSON.stringify(body)).toContain(status);
    return String(body["run_id"]);
  }

  async function onlyRun(slug: string, key: string): Promise<string | undefined> {
    const { body } = await call(platform, "GET", `/api/v1/pipelines/${slug}/runs`, { headers: { "x-api-key": key } });
    const runs = body["runs"] as { run_id: string }[];
    expect(runs.length).toBeLessThanOrEqual(1);
    return runs[0]?.run_id;
  }

  async function outcomeOf(run: Record<string, unknown>, slug: string, key: string): Promise<Outcome> {
    const summary = await call(platform, "GET", `/api/v1/costs/${slug}/summary?${new URLSearchParams(days)}`, {
      headers: { "x-api-key": key },
    });
    const trend = summary.body["daily_trend"] as { date: string; billed_cost: string }[];
    const { body: quota } = await call(platform, "GET", `/api/v1/organizations/${slug}/quota`, {
      headers: root(platform),
    });
    const { pipelines_run_today, pipelines_succeeded_today, pipelines_failed_today, concurrent_pipelines_running } =
      quota;
    return {
      status: run["status"],
      days: Object.fromEntries(trend.map(({ date, billed_cost }) => [date, plain(billed_cost)])),
      quota: { pipelines_run_today, pipelines_succeeded_today, pipelines_failed_today, concurrent_pipelines_running },
      journalVersions: summary.body["ledger_versions"],
    };
  }

  it("ends in the same published content, with the quota back where it belongs and the run terminal", async () => {
    const expected: Outcome = {
      status: "COMPLETED",
      days: (await truth(platform, account, days.start_date, days.end_date)).days,
      quota: {
        pipelines_run_today: 1,
        pipelines_succeeded_today: 1,
        pipelines_failed_today: 0,
        concurrent_pipelines_running: 0,
      },
      journalVersions: { "2026-07": 1, "2026-08": 1 },
    };

    let effects = 1;
    for (; effects <= most; effects++) {
      const { wasKilled, outcome } = await killedRun(effects, `crash${effects}`);
      expect(outcome, `killed after effect ${effects}`).toEqual(expected);
      if (!wasKilled) break;
    }

    console.log(`kill -9 after each of ${effects - 1} durable effects: the same content every time`);
    expect(effects).toBeGreaterThan(12);
    expect(effects).toBeLessThanOrEqual(most);
  }, 900_000);
});

/** One file that starts in a second: the host with all functions. It lies where `configs/` is found as from the sources. */
async function bundled(): Promise<string> {
  const names = (await readdir("functions", { recursive: true })).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name.includes("/"),
  );
  const nameOf = (file: string): string => (file.split("/").at(-1) ?? "").replace(/\.ts$/, "");
  const imports = names.map((file, at) => `import f${at} from ${JSON.stringify(resolve("functions", file))};`);
  const table = names.map((file, at) => `${JSON.stringify(nameOf(file))}: f${at}`);
  const folder = resolve("node_modules", ".cost-atlas-crash");
  await mkdir(folder, { recursive: true });
  const outfile = join(folder, "crashing-host.mjs");
  const contents = `${imports.join("\n")}\nimport { startCrashingHost } from ${JSON.stringify(resolve("scripts/e2e/crashing-host.ts"))};\nawait startCrashingHost({ ${table.join(", ")} });`;
  await build({
    stdin: { contents, resolveDir: resolve("."), loader: "ts" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    outfile,
    logLevel: "error",
  });
  return outfile;
}
