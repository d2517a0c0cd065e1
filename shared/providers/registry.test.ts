import { describe, expect, it } from "vitest";
import { configFile } from "#shared/platform/config-files.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { providerAdapter } from "./adapters.ts";
import { providerRegistry } from "./registry.ts";

async function content(): Promise<Record<string, Record<string, unknown>>> {
  return (await configFile("system/providers.yml")) as Record<string, Record<string, unknown>>;
}

async function faultsOf(change: (entries: Record<string, Record<string, unknown>>) => void): Promise<string[]> {
  const entries = structuredClone(await content());
  change(entries);
  try {
    providerRegistry(entries);
  } catch (error) {
    if (isAppError(error, "CONFIG_FILE_INVALID")) return error.fields.map(({ path }) => path).sort();
    throw error;
  }
  return [];
}

describe("providerRegistry", () => {
  it("accepts the shipped file and fills the defaults", async () => {
    const openai = providerRegistry(await content()).provider("openai");

    expect(openai).toMatchObject({
      slug: "openai",
      legacy_key: "OPENAI",
      max_pages: 10_000,
      request_timeout_seconds: 60,
      covers_saas: [],
      unit: "major",
    });
  });

  it("has an adapter for every provider in use", async () => {
    const inUse = providerRegistry(await content())
      .entries()
      .filter(({ phase }) => phase !== "later");

    expect(inUse.map(({ slug }) => providerAdapter(slug).slug)).toEqual(inUse.map(({ slug }) => slug));
  });

  it("finds a provider by slug and alias in any case", async () => {
    const entries = structuredClone(await content());
    Object.assign(entries["openai"] ?? {}, { aliases: ["open_ai"] });
    const registry = providerRegistry(entries);

    expect(["OpenAI", "OPEN_AI"].map((name) => registry.provider(name).slug)).toEqual(["openai", "openai"]);
  });

  it.each(["", "constructor", "__proto__", "open ai", "openai/../x"])("does not know %j", async (name) => {
    const registry = providerRegistry(await content());

    expect(() => registry.provider(name)).toThrow(expect.objectContaining({ code: "UNKNOWN_PROVIDER" }));
  });

  it("lists every fault at once", async () => {
    const faults = await faultsOf(({ openai = {} }) => {
      delete openai["display_name"];
      Object.assign(openai, { base_url: "http://api.openai.com", max_body_mib: 64, colour: "green" });
    });

    expect(faults).toEqual(["/openai/base_url", "/openai/colour", "/openai/display_name", "/openai/max_body_mib"]);
  });

  it.each([
    ["/openai/base_url", { allowed_hosts: ["other.example.com"] }],
    ["/openai/credential/shape", { credential: { kind: "api_key" } }],
    ["/openai/credential/shape", { credential: { kind: "api_key", shape: "(" } }],
    ["/openai/pipelines", { pipelines: [], needed_capabilities: {} }],
    ["/openai/needed_capabilities/openai~1x", { needed_capabilities: { "openai/x": ["usage"] } }],
    [
      "/openai/needed_capabilities/openai~1cost~1usage_cost",
      { needed_capabilities: { "openai/cost/usage_cost": ["seats"] } },
    ],
  ])("refuses a contradiction at %s", async (path, change) => {
    expect(await faultsOf(({ openai = {} }) => void Object.assign(openai, change))).toEqual([path]);
  });

  it("refuses a name that two providers claim", async () => {
    const faults = await faultsOf((entries) => {
      entries["other"] = { ...entries["openai"], aliases: ["openai"] };
    });

    expect(faults).toEqual(["/other/aliases"]);
  });

  it.each([null, [], {}, { "Open AI": {} }])("refuses %j", (entries) => {
    expect(() => providerRegistry(entries)).toThrow(expect.objectContaining({ code: "CONFIG_FILE_INVALID" }));
  });

  it.each([
    ["sk-admin-0123456789abcdef", true],
    ["sk-...", false],
    ["sk-short", false],
    [`sk-${"a".repeat(510)}`, false],
    ["sk-admin-0123456789abcdef\n", false],
  ])("judges the shape of %j without any call", async (secret, expected) => {
    const registry = providerRegistry(await content());

    expect(registry.acceptsShape(registry.provider("openai"), secret)).toBe(expected);
  });
});
