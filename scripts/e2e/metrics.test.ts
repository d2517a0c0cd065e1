import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import metricsFunction from "#functions/admin/metrics.ts";
import sweepTick from "#functions/scheduler/sweep-tick.ts";
import { emitPost } from "#scripts/start/emit-request.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { admitWaiting } from "#shared/pipelines/admission.ts";
import { claimRun } from "#shared/pipelines/claim.ts";
import { keepDeadLetter } from "#shared/pipelines/dead-letters.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { measureGauges } from "#shared/pipelines/gauges.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { deadLetterAttributes } from "#shared/platform/topics/dead-letter.ts";
import { writePush } from "#shared/platform/topics/push-message.ts";
import type { Expectation } from "#shared/quality/expectation.ts";
import { discardQuarantine } from "#shared/quarantine/decide.ts";
import { listQuarantines } from "#shared/quarantine/quarantine-read.ts";
import { measuredPorts } from "#shared/runtime/measured-ports.ts";
import { prometheusMetrics } from "#shared/runtime/metrics.ts";
import type { Given, PortName } from "#shared/runtime/ports.ts";
import { handlerOf } from "#shared/runtime/serve.ts";
import { shapedRun, workedOn } from "./shaped-run.fixture.ts";
import { plainEffects, startWorld, type World } from "./world.ts";

const day = { date: "2026-08-01" };
/** Longer than a lease and its grace. */
const leaseIsDead = 240;
const atLeastAMillion: Expectation = {
  id: "many",
  kind: "row_count_between",
  table: "cost_data_standard",
  severity: "error",
  per: "day",
  min: 1_000_000,
};

/** `pipelines.md` 17: the name, labels that a sample of it has, and what it says at least. */
const section17: readonly [name: string, labels: Record<string, string>, least: number][] = [
  ["ca_runs_total", { provider: "openai", status: "COMPLETED", trigger: "api", code: "" }, 3],
  ["ca_runs_total", { provider: "openai", status: "FAILED", trigger: "api", code: "DATA_QUARANTINED" }, 1],
  ["ca_step_attempts_total", { processor: "openai.costs", outcome: "completed" }, 3],
  ["ca_publications_total", { kind: "first_publish" }, 1],
  ["ca_fence_refusals_total", {}, 1],
  ["ca_leases_lost_total", {}, 1],
  ["ca_recoveries_total", {}, 1],
  ["ca_provider_calls_total", { provider: "openai", status: "200" }, 1],
  ["ca_load_jobs_total", { table: "cost_data_standard", outcome: "loaded" }, 1],
  ["ca_quality_failures_total", { kind: "row_count_between", severity: "error" }, 1],
  ["ca_transaction_retries_total", { operation: "sweep-tick" }, 1],
  ["ca_run_seconds_count", {}, 3],
  ["ca_run_queue_seconds_count", {}, 3],
  ["ca_provider_call_seconds_count", {}, 1],
  ["ca_trigger_seconds_count", {}, 3],
  // The oldest row of history is as old as the first run.
  ["ca_outbox_oldest_seconds", {}, 900],
  ["ca_runs_overdue", {}, 1],
  ["ca_queue_length", {}, 1],
  // It ran a quarter of an hour ago and is due every minute.
  ["ca_tick_lag_seconds", { tick: "sweep-tick" }, 840],
  ["ca_dead_letters_open", {}, 1],
  ["ca_quarantine_open", {}, 1],
  ["ca_warehouse_budget_ratio", { table: "cost_data_standard" }, 0.05],
  ["ca_ledger_document_bytes_max", {}, 10_000],
  ["ca_freshness_days", { provider: "openai" }, 9],
];

describe("every metric of section 17", () => {
  let world: World;
  let happened: Happened;
  let samples: Sample[];
  beforeAll(async () => {
    world = await startWorld();
    world.ports.metrics = await prometheusMetrics();
    happened = await everythingHappened(world);
    samples = await shown(world);
  }, 120_000);
  afterAll(() => world.stop());

  it.each(section17)("%s %j is at /metrics, and what has happened has moved it", (name, labels, least) => {
    const own = samples.filter((sample) => sample.name === name);
    const found = own.find((sample) => isEqual(sample.labels, labels));

    expect(found, JSON.stringify(own)).toBeDefined();
    expect(found?.value).toBeGreaterThanOrEqual(least);
    for (const { labels: names } of own) expect(Object.keys(names).sort()).toEqual(Object.keys(labels).sort());
  });

  it("names no organization", () => {
    for (const { labels } of samples) expect(Object.values(labels).join(" ")).not.toMatch(/measured|org_[0-9A-Z]{26}/);
  });

  it("counts a quarantine until it is decided and a waiting run until it is let in", async () => {
    const { org, crowded } = happened;
    const { quarantine } = await listQuarantines(org, { limit: 50 }, world.ports.documents);
    const caller = { kind: "root" as const, credentialId: "root" as const };
    const decision = { org, caller, id: quarantine[0]?.id ?? "", body: { reason: "looked at by hand" } };
    await discardQuarantine(decision, plainEffects(world.ports));
    world.clock.advance(86_400);
    await admitWaiting(crowded.key, world.ports);

    await measureGauges(world.ports.documents);

    const left = (await shown(world)).filter(({ name }) => name === "ca_queue_length" || name === "ca_quarantine_open");
    expect(left.map(({ value }) => value)).toEqual([0, 0]);
  });
});

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

interface Happened {
  org: OrgIdentity;
  /** A run waits for its one slot. */
  crowded: OrgIdentity;
}

/** A run that is done, taken over, stolen, overtaken, held back, one that waits, one that is late, a letter, a tick. */
async function everythingHappened(world: World): Promise<Happened> {
  const { org } = await world.onboarded("measured");
  await world.connected(org, "measured1");
  const ports = measuredPorts("openai-processor", given(world)) as EnginePorts;
  const { run_id } = await world.trigger(org, day);
  await world.process(org, run_id, ports);
  await quarantined(world, org);
  await overtaken(world, org);
  await stolen(world, org);
  await takenOver(world, org);
  const crowded = await waiting(world);
  const attributes = deadLetterAttributes("mail", "2026-08-10T12:00:00Z", 10);
  await keepDeadLetter({ payload: {}, attributes, messageId: "letter", deliveryAttempt: 1 }, world.ports);
  await ticked(world);
  await world.trigger(org, { date: "2026-07-20" });
  world.clock.advance(16 * 60);
  await measureGauges(world.ports.documents);
  return { org, crowded };
}

function given(world: World): Given<PortName> {
  return world.ports as unknown as Given<PortName>;
}

async function quarantined(world: World, org: OrgIdentity): Promise<void> {
  const shipped = (await pipelines()).byAddress("openai/cost/usage_cost");
  const pipeline = { ...shipped, config: { ...shipped.config, expectations: [atLeastAMillion] } };
  const caller = { kind: "root" as const, credentialId: "root" as const };
  const asked = { org, caller, pipeline, body: { date: "2026-07-10" }, query: {}, requestId: "req_test" };
  const request = { ...asked, claimedUser: undefined, traceparent: undefined };
  const { body } = await triggerRun(request, plainEffects<RunAnswer>(world.ports), world.ports);
  await world.process(org, body.run_id);
}

/** Newer data of its day is published while it works. */
async function overtaken(world: World, org: OrgIdentity): Promise<void> {
  const runId = await shapedRun(world, org, { start_date: "2026-07-01", end_date: "2026-07-02" });
  const midway = async (): Promise<void> => {
    const newer = await shapedRun(world, org, { date: "2026-07-02" });
    await workedOn(world, { org, runId: newer }, {});
  };
  await workedOn(world, { org, runId }, { midway });
}

/** Its lease dies while it works, and another takes it. */
async function stolen(world: World, org: OrgIdentity): Promise<void> {
  const runId = await shapedRun(world, org, { date: "2026-07-04" });
  const midway = async (): Promise<void> => {
    world.clock.advance(leaseIsDead);
    await workedOn(world, { org, runId }, {});
  };
  await workedOn(world, { org, runId }, { midway });
}

/** Its process ends right after the claim. */
async function takenOver(world: World, org: OrgIdentity): Promise<void> {
  const runId = await shapedRun(world, org, { date: "2026-07-05" });
  await claimRun({ orgKey: org.key, runId, holder: "gone" }, world.ports);
  world.clock.advance(leaseIsDead);
  await workedOn(world, { org, runId }, {});
}

async function waiting(world: World): Promise<OrgIdentity> {
  const { org } = await world.onboarded("measured_too", "FREE");
  await world.connected(org, "measured2");
  await world.trigger(org, { date: "2026-07-01" });
  await world.trigger(org, { date: "2026-07-02", queue: true });
  return org;
}

/** Through its handler, by a store that lets another's transaction go first each time. */
async function ticked(world: World): Promise<void> {
  const { documents } = world.ports;
  const lost = new Error("another was first");
  const transaction: Documents["transaction"] = async (body) => {
    const beaten = documents.transaction(async (tx) => {
      await body(tx);
      throw lost;
    });
    await beaten.catch((error: unknown) => {
      if (error !== lost) throw error;
    });
    return documents.transaction(body);
  };
  const contended = { ...given(world), documents: { ...documents, transaction } };
  const server = createServer(handlerOf("sweep-tick", sweepTick, contended));
  const at = world.clock.now().toISOString();
  const message = { messageId: "tick", publishTime: at, payload: {}, attributes: {}, deliveryAttempt: 1 };
  const status = await emitPost(
    server,
    Buffer.from(JSON.stringify(writePush({ topic: "tick-sweep-tick", ...message }))),
  );
  expect(status).toBe(204);
}

async function shown(world: World): Promise<Sample[]> {
  const server = createServer(handlerOf("metrics", metricsFunction, given(world))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const headers = { "x-ca-root-key": String(world.ports.config.CA_ROOT_API_KEY) };
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers });
  const text = await answer.text();
  server.close();
  expect(answer.status, text).toBe(200);
  return text.split("\n").flatMap((line) => {
    const [, name = "", labels = "", value] = /^(ca_\w+)(?:\{(.*)\})? ([\d.e+]+)$/.exec(line) ?? [];
    if (name === "" || name.endsWith("_bucket")) return [];
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = "", of = ""]) => [label, of]);
    return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }];
  });
}

function isEqual(one: Record<string, string>, other: Record<string, string>): boolean {
  return Object.keys(other).every((label) => one[label] === other[label]);
}
