import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import type { Message } from "#shared/platform/topics/topics.ts";
import type { News, Order } from "./crashing-host.ts";
import type { JourneyPlatform } from "./journey.ts";

const rootKey = "root-key-of-the-tests-0123456789abcdef";

/** The local host in a process of its own, one life after another over the same folder. */
export interface CrashPlatform extends JourneyPlatform {
  /** Organizations whose work stands still in this life. */
  frozen: ReadonlySet<string>;
  /** How often each batch was written, over all lives. */
  writes: ReadonlyMap<string, number>;
  /** Every message that a processor was given, over all lives. */
  delivered: readonly Message[];
  start(): Promise<void>;
  /** As by kill -9. */
  kill(): Promise<void>;
  ask(order: Order): Promise<number>;
  end(): Promise<void>;
}

/** Bundles the host and starts its first life. */
export async function crashPlatform(folder: string, simulatorUrl: string): Promise<CrashPlatform> {
  const bundle = await bundled();
  const frozen = new Set<string>();
  const writes = new Map<string, number>();
  const delivered: Message[] = [];
  let child: ChildProcess;
  let answered = (_done: number): void => {};
  const heard = (news: News): void => {
    if ("frozen" in news) frozen.add(news.frozen);
    else if ("wrote" in news) writes.set(news.wrote, (writes.get(news.wrote) ?? 0) + 1);
    else if ("delivered" in news) delivered.push(news.delivered);
    else if ("done" in news) answered(news.done);
    else platform.url = news.url;
  };
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  const platform: CrashPlatform = {
    url: "",
    rootKey,
    simulatorUrl,
    frozen,
    writes,
    delivered,
    kill,
    start: async () => {
      frozen.clear();
      const env = {
        ...process.env,
        ENVIRONMENT: "test",
        PORT: "0",
        CA_DATA_DIR: folder,
        CA_ROOT_API_KEY: rootKey,
        CA_PROVIDER_SIMULATOR_URL: simulatorUrl,
        RATE_LIMIT_ENABLED: "false",
      };
      child = fork(bundle, { env, execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
      const ready = new Promise<void>((resolve, reject) => {
        child.on("message", (news: News) => {
          heard(news);
          if ("url" in news) resolve();
        });
        child.on("exit", () => reject(new Error("the host ended before it was ready")));
      });
      await ready;
    },
    ask: (order) =>
      new Promise((resolve) => {
        answered = resolve;
        child.send(order);
      }),
    end: async () => {
      await kill();
      await rm(bundle, { force: true });
    },
  };
  await platform.start();
  return platform;
}

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
