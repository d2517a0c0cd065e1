import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { freePort } from "#scripts/emulators/emulators.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const patience = { timeout: 30_000, interval: 50 };

interface Run {
  child: ChildProcess;
  output(): string;
  code: Promise<number | null>;
}

function start(settings: Record<string, string>, args: string[] = []): Run {
  const child = spawn(process.execPath, ["--import", "tsx", main, ...args], {
    env: { PATH: process.env["PATH"], LOG_LEVEL: "silent", ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += String(part)));
  return { child, output: () => output, code: once(child, "close").then(([code]) => code as number | null) };
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "start-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** The commands of the printed next steps, as a shell runs them. */
function commands(output: string): string[] {
  const steps = output.slice(output.indexOf("Next steps"));
  return steps.split("\n").filter((line) => /^ {2}(ROOT=|KEY=|curl )/.test(line));
}

async function shell(lines: readonly string[]): Promise<string> {
  const child = spawn("bash", ["-c", lines.join("\n")], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const part of child.stdout) text += String(part);
  return text;
}

describe("npm start", { timeout: 90_000 }, () => {
  it("prints steps that work when pasted, keeps its secrets to the owner, and ends cleanly", async () => {
    const data = join(await folder(), "data");
    const port = await freePort();
    const run = start({ PORT: String(port), CA_DATA_DIR: data });
    await vi.waitFor(() => expect(run.output()).toContain("Next steps"), patience);

    const printed = commands(run.output());
    const answers = await shell([...printed.slice(0, 4), 'echo "$KEY"']);

    expect(run.output()).toContain(`http://127.0.0.1:${port}`);
    expect(answers).toContain('"ready_for_onboarding":true');
    expect(answers).toContain('"org_slug":"acme"');
    expect(answers.trimEnd().split("\n").at(-1)).toMatch(/^.*acme_api_[A-Za-z0-9]{36}$/);
    for (const name of ["root-key", "key-ring.json"]) {
      expect((await stat(join(data, name))).mode & 0o777).toBe(0o600);
    }
    expect(run.output()).not.toContain((await readFile(join(data, "root-key"), "utf8")).trim());
    run.child.kill("SIGTERM");
    expect(await run.code).toBe(0);
  });

  it("says which process stands in its way: a held data folder, a taken port", async () => {
    const data = await folder();
    const port = String(await freePort());
    const first = start({ PORT: port, CA_DATA_DIR: data });
    await vi.waitFor(() => expect(first.output()).toContain("Next steps"), patience);

    const held = start({ PORT: "0", CA_DATA_DIR: data });
    const taken = start({ PORT: port, CA_DATA_DIR: await folder() });

    expect([await held.code, await taken.code]).toEqual([1, 1]);
    expect(held.output()).toMatch(/^Cost Atlas did not start: .*documents\.sqlite is in use by another process/);
    expect(taken.output()).toContain(`Port ${port} on 127.0.0.1 is taken.`);
    first.child.kill("SIGINT");
    expect(await first.code).toBe(0);
  });

  it("lists everything that is wrong with its settings and ends with 1", async () => {
    const run = start({ ENVIRONMENT: "production", RATE_LIMIT_ENABLED: "false", CA_DATA_DIR: await folder() });

    expect(await run.code).toBe(1);
    expect(run.output()).toContain("CA_ROOT_API_KEY must be set");
    expect(run.output()).toContain("RATE_LIMIT_ENABLED must be true");
    expect(run.output()).not.toContain("    at ");
  });

  it("explains itself", async () => {
    const help = start({}, ["--help"]);
    const wrong = start({}, ["--nonsense"]);

    expect([await help.code, await wrong.code]).toEqual([0, 1]);
    expect(help.output()).toContain("CA_DATA_DIR");
    expect(wrong.output()).toContain("Try --help.");
  });
});
