import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { call, type JourneyPlatform, root, startRun, watchRun } from "#scripts/e2e/journey.ts";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { type Functions, loadFunctions } from "#scripts/start/functions.ts";
import { type Host, startHost } from "#scripts/start/host.ts";
import { apiKeyFingerprint, apiKeyHash, makeApiKey } from "#shared/access/api-key.ts";
import type { ApiKeyDocument } from "#shared/access/verify.ts";
import { open as openDocuments } from "#shared/platform/embedded/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import type { Log } from "#shared/runtime/log.ts";
import { type MirroredDocuments, mirroredDocuments } from "./mirrored-documents.fixture.ts";

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
  const alpha = await onboardedTenant(platform, "alpha_org", "alphaccount");
  const beta = await onboardedTenant(platform, "beta_org", "markeraccount");
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

async function onboardedTenant(platform: JourneyPlatform, slug: string, account: string): Promise<Tenant> {
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
  const orgId = String(onboarded.body["org_id"]);
  const credentialId = String(connected.body["credential_id"]);
  const ids = [
    orgId,
    credentialId,
    runId,
    importId,
    String(onboarded.body["api_key_id"]),
    String(connected.body["account_id"]),
  ];
  const markers = [...ids, apiKey, account, ...["company", "mail", "credential", "notes", "cost-center"].map(named)];
  return { slug, key: slug.toLowerCase(), orgId, apiKey, credentialId, runId, importId, markers };
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

/** Written as the store keeps it: the platform has no endpoint yet that makes a key with fewer scopes. */
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
