import { createHook } from "node:async_hooks";
import fs from "node:fs";
import { request as sendRaw } from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sharedHost } from "./host.fixture.ts";

/** Every way of the file system that a process takes without leaving an asynchronous resource. */
const synchronous = [
  "openSync",
  "readFileSync",
  "statSync",
  "lstatSync",
  "existsSync",
  "accessSync",
  "readdirSync",
] as const;

/** Counts what the process asks of the file system until it is stopped. */
function watchedFiles(): { seen: string[]; stop(): void } {
  const seen: string[] = [];
  const hook = createHook({
    init: (_id, type) => {
      if (/^(FSREQ|FILEHANDLE)/.test(type)) seen.push(type);
    },
  }).enable();
  const verbs = fs as unknown as Record<string, (...given: unknown[]) => unknown>;
  const originals = synchronous.map((verb) => [verb, verbs[verb]] as const);
  for (const [verb, original] of originals)
    verbs[verb] = (...given) => {
      seen.push(`${verb} ${String(given[0])}`);
      return original?.(...given);
    };
  syncBuiltinESMExports();
  return {
    seen,
    stop: () => {
      hook.disable();
      for (const [verb, original] of originals) if (original !== undefined) verbs[verb] = original;
      syncBuiltinESMExports();
    },
  };
}

const hostile = [
  "run/acme/../usage_cost",
  "run/acme/anthropic/../usage_cost",
  "run/acme/../../../../etc/passwd",
  "run/acme/%2e%2e/%2e%2e/anthropic/usage_cost",
  "run/acme/%2e%2e%2f%2e%2e%2fsystem/providers",
  "run/acme/..%5c..%5csystem/providers",
  "run/acme/anthropic/usage_cost%00",
  "run/acme/anthropic%00/cost/usage_cost",
  `run/acme/anthropic/${"u".repeat(200)}`,
  `run/acme/${"p".repeat(200)}/cost/usage_cost`,
  "run/%2e%2e%2fsystem%2fproviders",
  "run/anthropic-usage-cost%00.yml",
  `run/${"i".repeat(200)}`,
];

// pipelines.md, shown done 3
describe("addresses of pipelines at the local host", () => {
  let url: string;
  let key: string;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    const { host, stop: end } = await sharedHost({ RATE_LIMIT_ENABLED: "false" });
    ({ url } = host);
    stop = end;
    const headers = { "x-ca-root-key": "root-key-of-the-tests-0123456789abcdef" };
    const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const answer = await fetch(`${url}/api/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      return (await answer.json()) as Record<string, unknown>;
    };
    await post("admin/bootstrap", {});
    const request = { org_slug: "acme", company_name: "Acme GmbH", admin_email: "a@example.com" };
    key = String((await post("organizations/onboard", request))["api_key"]);
    // What is read at the first use is read now.
    for (const path of ["run/acme/openai/nothing", "run/acme/openai/cost/nothing", "run/acme/a/b/c/d", "run/nothing"])
      expect((await sent(path)).status).toBe(404);
  }, 60_000);
  afterAll(() => stop());

  /** The path arrives as it is written: `fetch` would resolve the dots before it asks. */
  function sent(path: string): Promise<{ status: number; text: string }> {
    const { port } = new URL(url);
    return new Promise((resolve, reject) => {
      const to = { port, host: "127.0.0.1", method: "POST", path: `/api/v1/pipelines/${path}` };
      const asked = sendRaw({ ...to, headers: { "x-api-key": key } }, async (response) => {
        let text = "";
        for await (const part of response) text += String(part);
        resolve({ status: response.statusCode ?? 0, text });
      });
      asked.once("error", reject);
      asked.end("{}");
    });
  }

  it("are looked up in a map: what no pipeline has is 404 and touches no file", async () => {
    const files = watchedFiles();
    const answers: [string, number, string][] = [];
    try {
      for (const path of hostile) {
        const { status, text } = await sent(path);
        answers.push([path, status, text]);
      }
    } finally {
      files.stop();
    }

    expect(answers.map(([path, status]) => [path, status])).toEqual(hostile.map((path) => [path, 404]));
    expect(files.seen).toEqual([]);
    for (const [, , text] of answers) expect(text).not.toMatch(/INTERNAL|passwd|configs|uuuu|pppp|iiii/);
  });

  it("would be seen if they were read as files, whichever way", async () => {
    const files = watchedFiles();
    try {
      await fs.promises.readFile(fileURLToPath(import.meta.url));
      fs.existsSync("configs/../package.json");
    } finally {
      files.stop();
    }

    expect(files.seen.some((each) => each.startsWith("FSREQ") || each.startsWith("FILEHANDLE"))).toBe(true);
    expect(files.seen).toContain("existsSync configs/../package.json");
  });
});
