import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Configuration, readConfiguration } from "#shared/runtime/config.ts";
import { type Host, type HostOptions, startHost } from "./host.ts";

export const rootKey = "root-key-of-the-tests-0123456789abcdef";

/** The configuration of an embedded host in a folder of its own, which goes with the test. */
export async function testConfiguration(settings: Record<string, string> = {}): Promise<Configuration> {
  const folder = await mkdtemp(join(tmpdir(), "host-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return configurationIn(folder, settings);
}

function configurationIn(folder: string, settings: Record<string, string>): Promise<Configuration> {
  const given = { ENVIRONMENT: "test", PORT: "0", LOG_LEVEL: "silent", CA_DATA_DIR: folder, CA_ROOT_API_KEY: rootKey };
  return readConfiguration({ ...given, ...settings });
}

/** A host that ends with the test; unless asked otherwise no clock starts anything in it. */
export async function testHost(options: Partial<HostOptions> = {}): Promise<Host> {
  const host = await startHost({ ticks: false, ...options, config: options.config ?? (await testConfiguration()) });
  onTestFinished(() => host.stop());
  return host;
}

/** A host for several cases, which are not told apart by their store; `stop` also takes its folder away. */
export async function sharedHost(
  settings: Record<string, string> = {},
): Promise<{ host: Host; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "host-"));
  const host = await startHost({ ticks: false, config: await configurationIn(folder, settings) });
  const stop = async (): Promise<void> => {
    await host.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { host, stop };
}

export type Body = Record<string, unknown>;

export interface Answered {
  status: number;
  body: Body;
}

/** What area tests do to the host of their case over HTTP: addresses are those below `/api/v1`. */
export function apiOf(at: () => { host: Host; key: string }) {
  /** With the organization's key unless other headers are given. */
  async function call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = { "x-api-key": at().key },
  ): Promise<Answered> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${at().host.url}/api/v1${path}`, { method, headers, ...sent });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Body) };
  }
  /** The key of a new organization on the plan SCALE. */
  async function onboarded(slug: string): Promise<string> {
    const request = { org_slug: slug, company_name: "Test", admin_email: "a@example.com", subscription_plan: "SCALE" };
    return String(
      (await call("POST", "/organizations/onboard", request, { "x-ca-root-key": rootKey })).body["api_key"],
    );
  }
  return { call, onboarded };
}
