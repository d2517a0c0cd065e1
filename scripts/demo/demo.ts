import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { type Json, type PlatformClient, platformClient } from "./platform-client.ts";

export interface DemoOptions {
  url: string;
  rootKey: string;
  /** First and last day of the month that is pulled. */
  month: { start: string; end: string };
  focusFile: string | undefined;
  /** Told what happens, for people. */
  say(line: string): void;
}

/** What `npm run demo -- --json` prints. */
export interface DemoResult {
  quota: Json;
  runs: Json[];
  summary: Json;
  imported: { rows: number; billed_cost: string; effective_cost: string };
}

const org = "acme";
const pollMilliseconds = 200;
const patienceMilliseconds = 300_000;
/** Month of the sample's charges; they are moved to the month of the demo. */
const sampleMonth = "2026-07";
const sampleFile = new URL("./sample-focus.csv", import.meta.url);

/** The main job end to end, over HTTP like a customer: onboard, connect, run, import, read. */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { say } = options;
  const operator = platformClient(options.url, { "x-ca-root-key": options.rootKey });
  await operator.post("/api/v1/admin/bootstrap", {});
  const request = {
    org_slug: org,
    company_name: "Acme",
    admin_email: "admin@acme.test",
    subscription_plan: "PROFESSIONAL",
  };
  const onboarded = await operator.post("/api/v1/organizations/onboard", request);
  say(`onboarded ${org} on ${String(onboarded["subscription_plan"])} (${String(onboarded["status"])})`);
  const customer = platformClient(options.url, { "x-api-key": String(onboarded["api_key"]) });
  await connect(customer, "openai", { api_key: "sk-admin-sim-demo-acme" }, say);
  await connect(customer, "anthropic", { api_key: "sk-ant-admin-sim-demo-acme-corp" }, say);
  await connect(customer, "focus", {}, say);
  const openai = await pull(customer, "openai/cost/usage_cost", options);
  const anthropic = await pull(customer, "anthropic/usage_cost", options);
  const { run, imported, days } = await importFile(customer, options);
  const range = { start: earlier(options.month.start, days[0]), end: later(options.month.end, days.at(-1)) };
  return {
    quota: await customer.get(`/api/v1/organizations/${org}/quota`),
    runs: [openai, anthropic, run],
    summary: await customer.get(`/api/v1/costs/${org}/summary?start_date=${range.start}&end_date=${range.end}`),
    imported,
  };
}

async function connect(customer: PlatformClient, provider: string, body: Json, say: DemoOptions["say"]): Promise<void> {
  const answer = await customer.post(`/api/v1/integrations/${org}/${provider}/setup`, body);
  say(`connected ${provider}: ${String(answer["status"])}, key ${String(answer["fingerprint"])} sealed`);
}

async function pull(customer: PlatformClient, pipeline: string, { month, say }: DemoOptions): Promise<Json> {
  const query = `start_date=${month.start}&end_date=${month.end}`;
  const started = await customer.post(`/api/v1/pipelines/run/${org}/${pipeline}?${query}`, {});
  say(`running ${pipeline} for ${month.start} to ${month.end}`);
  return watched(customer, String(started["run_id"]), say);
}

async function importFile(
  customer: PlatformClient,
  options: DemoOptions,
): Promise<{ run: Json; imported: DemoResult["imported"]; days: string[] }> {
  const { focusFile, say } = options;
  const bytes = focusFile === undefined ? await sampleOf(options.month.start) : await readFile(focusFile);
  const name = focusFile === undefined ? "sample-focus.csv" : basename(focusFile);
  const path = `/api/v1/integrations/${org}/focus/imports?file_name=${encodeURIComponent(name)}`;
  const created = await customer.postFile(path, bytes);
  say(`importing ${name} (${bytes.length} bytes)`);
  const run = await watched(customer, String(created["run_id"]), say);
  const done = await customer.get(`/api/v1/integrations/${org}/focus/imports/${String(created["import_id"])}`);
  if (done["status"] !== "COMPLETED")
    throw new Error(`the import ended ${String(done["status"])}: ${JSON.stringify(done["errors"])}`);
  const totals = done["totals"] as { currency: string; billed_cost: string; effective_cost: string }[];
  const total = totals[0] ?? { billed_cost: "0", effective_cost: "0" };
  const range = run["range"] as { start_date: string; end_date: string };
  return {
    run,
    imported: { rows: Number(done["rows"]), billed_cost: total.billed_cost, effective_cost: total.effective_cost },
    days: [range.start_date, range.end_date],
  };
}

/** The project's own sample, its charges moved to the month of the demo. */
async function sampleOf(monthStart: string): Promise<Uint8Array> {
  const [year = 0, month = 0] = monthStart.split("-").map(Number);
  const after = (count: number): string => new Date(Date.UTC(year, month - 1 + count, 1)).toISOString().slice(0, 7);
  const text = await readFile(sampleFile, "utf8");
  return Buffer.from(
    text
      .replaceAll("2026-08-", "next-month-")
      .replaceAll(`${sampleMonth}-`, `${after(0)}-`)
      .replaceAll("next-month-", `${after(1)}-`),
  );
}

/** Watches a run until it has ended; one that did not complete is thrown with its reason. */
async function watched(customer: PlatformClient, runId: string, say: DemoOptions["say"]): Promise<Json> {
  const deadline = Date.now() + patienceMilliseconds;
  let shown = "";
  for (;;) {
    const run = await customer.get(`/api/v1/pipelines/${org}/runs/${runId}`);
    const { percent } = run["progress"] as { percent: number };
    const line = `  ${String(run["pipeline_id"])} ${String(run["status"])} ${percent} %`;
    if (line !== shown) say(line);
    shown = line;
    if (run["status"] === "COMPLETED") return run;
    if (run["status"] === "FAILED" || run["status"] === "CANCELLED")
      throw new Error(`${String(run["pipeline_id"])} failed: ${String(run["error_message"])}`);
    if (Date.now() > deadline)
      throw new Error(`${String(run["pipeline_id"])} did not end within ${patienceMilliseconds / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
  }
}

function earlier(one: string, other: string | undefined): string {
  return other !== undefined && other < one ? other : one;
}

function later(one: string, other: string | undefined): string {
  return other !== undefined && other > one ? other : one;
}
