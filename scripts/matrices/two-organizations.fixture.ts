import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { call, type JourneyPlatform, root, startRun, watchRun } from "#scripts/e2e/journey.ts";
import { type SignedInMember, signInMember } from "#scripts/e2e/people.ts";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { type Functions, loadFunctions } from "#scripts/start/functions.ts";
import { type Host, startHost } from "#scripts/start/host.ts";
import { apiKeyFingerprint, apiKeyHash, makeApiKey } from "#shared/access/api-key.ts";
import { type Role, roles } from "#shared/access/roles.ts";
import type { ApiKeyDocument } from "#shared/access/verify.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { open as openDocuments } from "#shared/platform/embedded/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import type { AnyHttpDeclaration } from "#shared/runtime/declaration.ts";
import type { Log } from "#shared/runtime/log.ts";
import { exampleMetric } from "./example-request.fixture.ts";
import { holdDay } from "./held-day.fixture.ts";
import { type MirroredDocuments, mirroredDocuments } from "./mirrored-documents.fixture.ts";
import { keepOperatorDocuments } from "./operator-documents.fixture.ts";

export const rootKey = "root-key-of-the-matrices-0123456789abcdef";

/** An onboarded organization with one connected account and one finished run. */
export interface Tenant {
  slug: string;
  key: string;
  orgId: string;
  apiKey: string;
  credentialId: string;
  runId: string;
  importId: string;
  entityId: string;
  ruleId: string;
  /** The schedule that the integration brought. */
  configId: string;
  backfillId: string;
  /** A plan of Slack that begins in years to come. */
  planId: string;
  /** A repricing that was previewed and not applied. */
  previewId: string;
  /** One signed-in member per role. */
  people: Readonly<Record<Role, SignedInMember>>;
  /** Texts that occur in this organization's data and nowhere else. */
  markers: readonly string[];
}

/** An embedded host in this process with the organizations `alpha_org` and `beta_org`. */
export interface TwoOrganizations {
  url: string;
  host: Host;
  folder: string;
  functions: Functions;
  mirror: MirroredDocuments;
  /** Every line the host logged, as JSON text. */
  lines: string[];
  alpha: Tenant;
  beta: Tenant;
  /** A further key of the organization; active, without expiry and without scopes unless said otherwise. */
  issueKey(tenant: Tenant, key: Partial<ApiKeyDocument>): Promise<string>;
  stop(): Promise<void>;
}

/** `settings` are environment variables; `further` functions are served beside the product's own. */
export async function startTwoOrganizations(
  settings: Record<string, string> = {},
  further: Functions = {},
): Promise<TwoOrganizations> {
  const folder = await mkdtemp(join(tmpdir(), "matrices-"));
  const simulator = await startSimulator({ now: "2026-08-10T12:00:00Z" });
  const config = await readConfiguration({
    ENVIRONMENT: "test",
    PORT: "0",
    CA_DATA_DIR: folder,
    CA_ROOT_API_KEY: rootKey,
    CA_PROVIDER_SIMULATOR_URL: simulator.url,
    RATE_LIMIT_ENABLED: "false",
    ...settings,
  });
  const functions = { ...(await loadFunctions()), ...further };
  const lines: string[] = [];
  const mirror = mirroredDocuments(await openDocuments(config));
  const ports = { documents: mirror.documents };
  const host = await startHost({ config, functions, ports, log: recordingLog(lines), ticks: false });
  const platform = { url: host.url, rootKey: config.CA_ROOT_API_KEY ?? "", simulatorUrl: simulator.url };
  const bootstrapped = await call(platform, "POST", "/api/v1/admin/bootstrap", { headers: root(platform), body: {} });
  expect(bootstrapped.status, JSON.stringify(bootstrapped.body)).toBe(200);
  const alpha = await withPeople(await onboardedTenant(platform, "alpha_org", "alphaccount"), host);
  const beta = await withPeople(await onboardedTenant(platform, "beta_org", "markeraccount"), host);
  for (const tenant of [alpha, beta]) await holdDay(tenant, mirror.documents);
  await keepOperatorDocuments([alpha, beta], mirror.documents);
  await call(platform, "POST", "/api/v1/procedures/sync", { headers: root(platform), body: {} });
  await host.idle();
  return {
    url: host.url,
    host,
    folder,
    functions,
    mirror,
    lines,
    alpha,
    beta,
    issueKey: (tenant, key) => issueKey(mirror, tenant, key),
    stop: async () => {
      await host.stop();
      await mirror.documents.close();
      await simulator.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The right credential for a function, of this organization; none of it is the platform's where one of its own will do. */
export function credentialFor({ access }: Pick<AnyHttpDeclaration, "access">, tenant: Tenant): Record<string, string> {
  if (access.kind === "root") return { "x-ca-root-key": rootKey };
  const isForPeople = access.kind === "session" || (access.kind === "org" && access.peopleOnly);
  return isForPeople ? { ...tenant.people.owner.headers } : { "x-api-key": tenant.apiKey };
}

async function withPeople(tenant: Omit<Tenant, "people">, host: Host): Promise<Tenant> {
  const ports = { ...host.ports, clock: systemClock, ids: systemIds };
  const signIn = async (role: Role) => {
    const email = `${tenant.slug.replace("_org", "")}-marker-${role}@example.com`;
    return [role, await signInMember({ org: tenant, role, email }, ports)] as const;
  };
  const people = Object.fromEntries(await Promise.all(roles.map(signIn))) as Record<Role, SignedInMember>;
  const own = Object.values(people).flatMap(({ userId, sessionId, caller }) => [userId, sessionId, caller.email]);
  return { ...tenant, people, markers: [...tenant.markers, ...own] };
}

async function onboardedTenant(
  platform: JourneyPlatform,
  slug: string,
  account: string,
): Promise<Omit<Tenant, "people">> {
  const named = (what: string): string => `${slug.replace("_org", "")}-marker-${what}`;
  const request = { org_slug: slug, company_name: named("company"), admin_email: `${named("mail")}@example.com` };
  const onboarded = await call(platform, "POST", "/api/v1/organizations/onboard", {
    headers: root(platform),
    body: { ...request, subscription_plan: "SCALE" },
  });
  expect(onboarded.status, JSON.stringify(onboarded.body)).toBe(200);
  const apiKey = String(onboarded.body["api_key"]);
  const connected = await call(platform, "POST", `/api/v1/integrations/${slug}/openai/setup`, {
    headers: { "x-api-key": apiKey },
    body: {
      api_key: `sk-admin-sim-${account}`,
      credential_name: named("credential"),
      metadata: { notes: named("notes"), cost_center: named("cost-center") },
    },
  });
  expect(connected.status, JSON.stringify(connected.body)).toBe(200);
  const runId = await startRun(platform, slug, apiKey, { start_date: "2026-07-01", end_date: "2026-07-03" });
  expect(await watchRun(platform, slug, apiKey, runId)).toMatchObject({ status: "COMPLETED" });
  const importId = await deliveredFile(platform, slug, apiKey);
  const { entityId, ruleId } = await structured(platform, slug, { apiKey, name: named("entity") });
  const clocked = await scheduled(platform, slug, apiKey);
  const planId = await plannedPlan(platform, slug, apiKey);
  const previewId = await previewedReprice(platform, slug, apiKey);
  const orgId = String(onboarded.body["org_id"]);
  const credentialId = String(connected.body["credential_id"]);
  const ids = [
    orgId,
    credentialId,
    runId,
    importId,
    entityId,
    ruleId,
    ...Object.values(clocked),
    planId,
    previewId,
    String(onboarded.body["api_key_id"]),
    String(connected.body["account_id"]),
  ];
  const markers = [...ids, apiKey, account, ...["company", "mail", "credential", "notes", "cost-center"].map(named)];
  return {
    slug,
    key: slug.toLowerCase(),
    orgId,
    apiKey,
    credentialId,
    runId,
    importId,
    entityId,
    ruleId,
    planId,
    previewId,
    ...clocked,
    markers,
  };
}

/** A plan that charges nobody yet; answers the id of its version. */
async function plannedPlan(platform: JourneyPlatform, slug: string, apiKey: string): Promise<string> {
  const [year = ""] = new Date().toISOString().split("-");
  const created = await call(platform, "POST", `/api/v1/subscriptions/${slug}/providers/slack/plans`, {
    headers: { "x-api-key": apiKey },
    body: { plan_name: "PRO", unit_price: "8.75", seats: 3, start_date: `${Number(year) + 2}-01-01` },
  });
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  return String((created.body["plan"] as Record<string, unknown>)["subscription_id"]);
}

/** What the clock has for the organization: its schedule, and a backfill of two days. */
async function scheduled(
  platform: JourneyPlatform,
  slug: string,
  apiKey: string,
): Promise<{ configId: string; backfillId: string }> {
  const headers = { "x-api-key": apiKey };
  const schedules = await call(platform, "GET", `/api/v1/scheduler/org/${slug}/pipelines`, { headers });
  const [first] = schedules.body as unknown as Record<string, unknown>[];
  const days = { start_date: "2026-06-01", end_date: "2026-06-02" };
  const body = { pipeline_id: "openai-cost-usage-cost", ...days };
  const backfill = await call(platform, "POST", `/api/v1/pipelines/${slug}/backfills`, { headers, body });
  expect(backfill.status, JSON.stringify(backfill.body)).toBe(202);
  return { configId: String(first?.["config_id"]), backfillId: String(backfill.body["backfill_id"]) };
}

/** What one day would cost by today's prices; answers the preview's id. */
async function previewedReprice(platform: JourneyPlatform, slug: string, apiKey: string): Promise<string> {
  const previewed = await call(platform, "POST", `/api/v1/genai/${slug}/reprice/preview`, {
    headers: { "x-api-key": apiKey },
    body: { start_date: "2026-06-01", end_date: "2026-06-01" },
  });
  expect(previewed.status, JSON.stringify(previewed.body)).toBe(201);
  return String(previewed.body["preview_id"]);
}

/** An entity and an allocation rule to it that no row matches; a metric of units. */
async function structured(
  platform: JourneyPlatform,
  slug: string,
  { apiKey, name }: { apiKey: string; name: string },
): Promise<{ entityId: string; ruleId: string }> {
  const headers = { "x-api-key": apiKey };
  const hierarchy = `/api/v1/hierarchy/${slug}`;
  const entity = { entity_id: name, entity_name: name, level_code: "department" };
  const made = await call(platform, "POST", `${hierarchy}/entities`, { headers, body: entity });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  const body = { name, match: { providers: ["nobody"] }, action: { type: "assign", entity_id: name } };
  const rule = await call(platform, "POST", `${hierarchy}/allocation/rules`, { headers, body });
  expect(rule.status, JSON.stringify(rule.body)).toBe(201);
  const metric = { metric: exampleMetric, display_name: "Metric", unit_name: "unit", kind: "count" };
  const counted = await call(platform, "POST", `/api/v1/unit-economics/${slug}/metrics`, { headers, body: metric });
  expect(counted.status, JSON.stringify(counted.body)).toBe(201);
  return { entityId: String(made.body["entity_id"]), ruleId: String(rule.body["rule_id"]) };
}

/** The project's own FOCUS sample, delivered and published; answers the import's id. */
async function deliveredFile(platform: JourneyPlatform, slug: string, apiKey: string): Promise<string> {
  const headers = { "x-api-key": apiKey };
  await call(platform, "POST", `/api/v1/integrations/${slug}/focus/setup`, { headers, body: {} });
  const body = await readFile("scripts/demo/sample-focus.csv");
  const response = await fetch(`${platform.url}/api/v1/integrations/${slug}/focus/imports`, {
    method: "POST",
    headers,
    body,
  });
  const created = (await response.json()) as Record<string, unknown>;
  expect(response.status, JSON.stringify(created)).toBe(202);
  const run = await watchRun(platform, slug, apiKey, String(created["run_id"]));
  expect(run, JSON.stringify(run["error_message"])).toMatchObject({ status: "COMPLETED" });
  return String(created["import_id"]);
}

/** Written as the store keeps it: also in states that no endpoint makes, and without scopes. */
async function issueKey(mirror: MirroredDocuments, tenant: Tenant, key: Partial<ApiKeyDocument>): Promise<string> {
  const apiKey = makeApiKey(tenant.slug);
  await mirror.documents.transaction(async (tx) => {
    tx.create<ApiKeyDocument>(`apiKeys/${apiKeyHash(apiKey)}`, {
      org: tenant.key,
      keyId: systemIds.newId("key"),
      name: "of a test",
      fingerprint: apiKeyFingerprint(apiKey),
      scopes: [],
      primary: false,
      state: "ACTIVE",
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
      rotatedFrom: null,
      ...key,
    });
  });
  return apiKey;
}

function recordingLog(lines: string[]): Log {
  const record =
    (level: string) =>
    (fields: Record<string, unknown>, message: string): void => {
      lines.push(JSON.stringify({ level, message, ...fields }));
    };
  return { info: record("info"), warn: record("warn"), error: record("error"), debug: record("debug") };
}
