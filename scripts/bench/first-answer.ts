import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "#scripts/emulators/emulators.ts";

/** How functions-framework is told to serve one function. */
export interface Served {
  source: string;
  target: string;
  folder: string;
  environment: Record<string, string>;
}

/** What the first caller asks. */
export interface Asked {
  method: string;
  path: string;
}

const framework = join(createRequire(import.meta.url).resolve("@google-cloud/functions-framework"), "../main.js");
const pollMilliseconds = 4;
const deadlineMilliseconds = 60_000;

/** Starts the function under the framework's own command line; the caller ends it. */
export async function startServed(served: Served): Promise<{ child: ChildProcess; port: number; startedAt: number }> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [framework, `--target=${served.target}`, `--source=${served.source}`, `--port=${port}`],
    { cwd: served.folder, env: { PATH: process.env["PATH"], ...served.environment }, stdio: "ignore" },
  );
  return { child, port, startedAt };
}

/** Milliseconds from spawning a process to its first whole HTTP answer, whatever its status. */
export async function firstAnswerMilliseconds(served: Served, asked: Asked): Promise<number> {
  const { child, port, startedAt } = await startServed(served);
  try {
    await untilAnswered(child, port, asked);
    return performance.now() - startedAt;
  } finally {
    await ended(child);
  }
}

/** Waits until the server on the port gives a whole answer. Throws when its process ends or nothing comes in a minute. */
export async function untilAnswered(child: ChildProcess, port: number, asked: Asked): Promise<void> {
  const deadline = performance.now() + deadlineMilliseconds;
  while (!(await isAnswered(port, asked))) {
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode} before it answered`);
    if (performance.now() > deadline) throw new Error("the server gave no answer within a minute");
    await pause(pollMilliseconds);
  }
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

function isAnswered(port: number, { method, path }: Asked): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request({ host: "127.0.0.1", port, method, path, agent: false }, (response) => {
      response.resume();
      response.once("end", () => resolve(true));
    });
    sent.once("error", () => resolve(false));
    sent.end(method === "POST" ? '{"no":"push"}' : undefined);
  });
}
