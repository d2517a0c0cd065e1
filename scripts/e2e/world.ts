import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SignedInMember, type SignedInPerson, signInMember, signInPerson } from "#scripts/e2e/people.ts";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Role } from "#shared/access/roles.ts";
import { bootstrap } from "#shared/bootstrap/bootstrap.ts";
import type { BootstrapReport } from "#shared/bootstrap/bootstrap-report.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import { onboard } from "#shared/organizations/onboarding.ts";
import type { OnboardingReport } from "#shared/organizations/onboarding-report.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { runPath } from "#shared/pipelines/run-paths.ts";
import type { RunAnswer, RunRequest } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { createKeyRing } from "#shared/platform/keys/key-ring-file.ts";
import { keyRingKeys } from "#shared/platform/keys/key-ring-keys.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { parquetWarehouse } from "#shared/platform/warehouse/parquet-warehouse.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { type Configuration, readConfiguration } from "#shared/runtime/config.ts";
import type { Effects, Reply } from "#shared/runtime/declaration.ts";
import { noMetrics } from "#shared/runtime/metrics.ts";

/** A clock that only tests move. */
export interface TestClock {
  now(): Date;
  set(instant: string): void;
  advance(seconds: number): void;
}

/** The embedded platform without a host: real adapters in a temporary folder, the provider simulator, a clock to move. */
export interface World {
  ports: EnginePorts;
  clock: TestClock;
  simulator: { url: string };
  onboarded(slug: string, plan?: string): Promise<{ org: OrgIdentity; apiKey: string }>;
  /** A person who has just signed in with this address, made at the first call for it. */
  signedIn(email: string): Promise<SignedInPerson>;
  /** The same as a member of the organization, written as the store keeps it: no seat is counted. */
  member(org: OrgIdentity, role: Role, email: string): Promise<SignedInMember>;
  connected(org: OrgIdentity, account: string): Promise<SetupAnswer>;
  trigger(org: OrgIdentity, request: RunRequest): Promise<RunAnswer>;
  /** Triggers and works until the run has ended or is parked. */
  ran(org: OrgIdentity, request: RunRequest): Promise<RunDocument>;
  process(org: OrgIdentity, runId: string, ports?: EnginePorts): Promise<void>;
  run(org: OrgIdentity, runId: string): Promise<RunDocument>;
  /** The provider's own billed USD by day, decimal text. */
  truth(account: string, from: string, to: string): Promise<Record<string, string>>;
  /** Calls the simulator's control address. */
  sim(method: string, path: string, body?: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

export function testClock(start: string): TestClock {
  let milliseconds = Date.parse(start);
  return {
    now: () => new Date(milliseconds),
    set: (instant) => {
      milliseconds = Date.parse(instant);
    },
    advance: (seconds) => {
      milliseconds += seconds * 1000;
    },
  };
}

/** Billed USD by day as published, decimal text. */
export function publishedBilled(month: PublishedMonth): Record<string, string> {
  return Object.fromEntries(month.days.map(({ day, totals }) => [day, totals["USD"]?.[0] ?? "0"]));
}

/** What an endpoint would be given, without a caller. */
export function plainEffects<T>(ports: EnginePorts): Effects<T> {
  return { commit: (body) => commitChange(body, ports), prepare: async () => {}, conclude: () => {}, audit: () => {} };
}

/** `bootstrapped: false` leaves the platform as it is before its first call. */
interface WorldOptions {
  now?: string;
  late?: boolean;
  bootstrapped?: boolean;
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "cost-atlas-"));
  const clock = testClock(options.now ?? "2026-08-10T12:00:00Z");
  const simulator = await startSimulator({ now: options.now ?? "2026-08-10T12:00:00Z", late: options.late ?? false });
  await createKeyRing(join(folder, "key-ring.json"));
  const config: Configuration = await readConfiguration({
    ENVIRONMENT: "test",
    CA_DATA_DIR: folder,
    CA_PROVIDER_SIMULATOR_URL: simulator.url,
    CA_ROOT_API_KEY: "root-key-of-the-tests-0123456789abcdef",
  });
  const log = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
  const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
  const ports: EnginePorts = {
    documents: sqliteDocuments({ file: ":memory:", clock, declared }),
    warehouse: parquetWarehouse({ folder: join(folder, "warehouse") }),
    topics: inProcessTopics({}),
    keys: keyRingKeys({ file: join(folder, "key-ring.json") }),
    clock,
    ids: systemIds,
    log,
    metrics: noMetrics,
    config,
  };
  if (options.bootstrapped ?? true)
    await bootstrap({ commit: plainEffects<BootstrapReport>(ports).commit, conclude: async () => {} }, ports);
  return worldOf(ports, clock, simulator, async () => {
    await ports.documents.close();
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
  });
}

function worldOf(ports: EnginePorts, clock: TestClock, simulator: { url: string }, stop: () => Promise<void>): World {
  const world: World = {
    ports,
    clock,
    simulator,
    stop,
    onboarded: async (slug, plan = "SCALE") => {
      const request = {
        org_slug: slug,
        company_name: `${slug} Inc.`,
        admin_email: "a@example.com",
        subscription_plan: plan,
      };
      const report = await onboard(request, plainEffects<OnboardingReport>(ports), ports);
      return {
        org: { slug: report.org_slug, key: report.org_slug.toLowerCase(), orgId: report.org_id },
        apiKey: report.api_key,
      };
    },
    signedIn: (email) => signInPerson(email, ports),
    member: (org, role, email) => signInMember({ org, role, email }, ports),
    connected: (org, account) => {
      const request = { credential: `sk-admin-sim-${account}` };
      return setUpIntegration({ org, provider: "openai", request }, plainEffects<SetupAnswer>(ports), ports);
    },
    trigger: async (org, request) => {
      const pipeline = (await pipelines()).byAddress("openai/cost/usage_cost");
      const caller = { kind: "root" as const, credentialId: "root" as const };
      const asked = {
        org,
        caller,
        pipeline,
        query: {},
        body: request,
        requestId: "req_test",
        claimedUser: undefined,
        traceparent: undefined,
      };
      const reply: Reply<RunAnswer> = await triggerRun(asked, plainEffects<RunAnswer>(ports), ports);
      return reply.body;
    },
    process: (org, runId, other = ports) => processRun({ org: org.key, run_id: runId }, other),
    run: async (org, runId) => {
      const { body } = await ports.documents.get<RunDocument>(runPath(org.key, runId));
      if (body === undefined) throw new Error(`no run ${runId}`);
      return body;
    },
    ran: async (org, request) => {
      const { run_id } = await world.trigger(org, request);
      await world.process(org, run_id);
      return world.run(org, run_id);
    },
    truth: async (account, from, to) => {
      const answer = await world.sim("GET", `truth?provider=openai&account=${account}&from=${from}&to=${to}`);
      const { days } = (answer as { truth: { days: { day: string; billed: { amount: string }[] }[] } }).truth;
      return Object.fromEntries(days.map(({ day, billed }) => [day, billed[0]?.amount ?? "0"]));
    },
    sim: async (method, path, body) => {
      const response = await fetch(`${simulator.url}/__sim/${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok)
        throw new Error(`simulator answers ${response.status} to ${method} ${path}: ${await response.text()}`);
      return response.status === 204 ? undefined : response.json();
    },
  };
  return world;
}
