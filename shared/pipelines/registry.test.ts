import { describe, expect, it } from "vitest";
import { configFile } from "#shared/platform/config-files.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { tableFaults } from "./config-faults.ts";
import { organizationTables } from "./parts.ts";
import { processors } from "./processors.ts";
import { pipelineRegistry, pipelines } from "./registry.ts";

const address = "openai/cost/usage_cost";
const unitSanity = {
  id: "cents",
  kind: "unit_sanity",
  table: "cost_data_standard",
  reported: "x_reported",
  computed: "x_computed",
  max_ratio: "10",
  min_abs: "1",
  severity: "error",
};

async function faultsOf(change: (content: Record<string, unknown>) => void): Promise<string[]> {
  const content = structuredClone(await configFile(`${address}.yml`)) as Record<string, unknown>;
  change(content);
  const entry = (await providers()).provider("openai");
  try {
    await pipelineRegistry([{ entry, address, content }], await processors());
    return [];
  } catch (error) {
    if (!isAppError(error, "PIPELINE_CONFIG_INVALID")) throw error;
    return error.fields.map(({ path }) => path.replace(`${address}.yml`, ""));
  }
}

async function isRegistered(slug: string): Promise<boolean> {
  return (await providers()).entries().some((entry) => entry.slug === slug);
}

describe("pipeline configurations", () => {
  it("finds every shipped pipeline by its address, its aliases and its id", async () => {
    const registry = await pipelines();

    for (const pipeline of registry.pipelines) {
      for (const name of [pipeline.address, pipeline.config.id, ...pipeline.config.aliases]) {
        expect(registry.byAddress(name)).toBe(pipeline);
      }
    }
  });

  it.each([
    ["an unknown field", { surprise: true }, ["/surprise"]],
    ["another id", { id: "another-id" }, ["/id"]],
    ["run_after a pipeline that does not exist", { run_after: ["gcp-cost-billing"] }, ["/run_after"]],
    ["run_after itself", { run_after: ["openai-cost-usage-cost"] }, ["/run_after"]],
    [
      "a required output that nobody writes",
      { expectations: [], outputs: [{ table: "saas_costs_daily", required: true }] },
      ["/outputs/0/table"],
    ],
    ["an expectation of an unknown kind", { expectations: [{ kind: "magic" }] }, ["/expectations/0/kind"]],
    ["a float threshold", { expectations: [{ ...unitSanity, max_ratio: 10.5 }] }, ["/expectations/0/max_ratio"]],
    [
      "an expectation of another table",
      { expectations: [{ ...unitSanity, table: "other" }] },
      ["/expectations/0/table"],
    ],
    ["two expectations with one id", { expectations: [unitSanity, unitSanity] }, ["/expectations"]],
    [
      "a default its own rule refuses",
      { parameters: { depth: { type: "integer", default: 9, max: 5 } } },
      ["/parameters/depth/default"],
    ],
    ["a choice without values", { parameters: { mode: { type: "enum" } } }, ["/parameters/mode/values"]],
  ])("refuses %s and names it", async (_name, change, faults) => {
    expect(await faultsOf((content) => Object.assign(content, change))).toEqual(faults);
  });

  it.each([
    [{ depends_on: ["rows"] }, ["/steps"]],
    [{ on_failure: "continue" }, ["/steps/0/on_failure", "/steps/0/on_failure"]],
    [{ enabled: false }, ["/outputs/0/table", "/steps/0/enabled"]],
    [{ processor: "openai.magic" }, ["/steps/0/processor", "/outputs/0/table"]],
    [{ config: { depth: { param: "unheard_of" } } }, ["/steps/0/config"]],
  ])("refuses a first step with %j", async (change, expected) => {
    const faults = await faultsOf((content) => Object.assign((content["steps"] as object[])[0] ?? {}, change));

    expect(faults).toEqual(expected);
  });

  it("refuses a pipeline of the platform that has what only organizations have, and one of theirs without a table", async () => {
    const platform = await faultsOf((content) => Object.assign(content, { scope: "platform" }));
    const tableless = await faultsOf((content) => Object.assign(content, { outputs: [] }));

    expect(platform).toEqual(["/provider", "/outputs", "/counts_toward_quota", "/window/history_days"]);
    expect(tableless).toContain("/outputs");
  });

  it("takes expectations, parameters, notifications and a step that may fail", async () => {
    const faults = await faultsOf((content) => {
      Object.assign(content, {
        expectations: [unitSanity],
        parameters: { depth: { type: "integer", default: 3, min: 1, max: 5 } },
        notifications: { on_failure: ["email"], on_quarantine: ["slack"] },
      });
      const steps = content["steps"] as Record<string, unknown>[];
      Object.assign(steps[0] ?? {}, { config: { depth: { param: "depth" } } });
    });

    expect(faults).toEqual([]);
  });

  it("knows the columns that expectations name", async () => {
    const config = (await pipelines()).byAddress(address).config;
    const expectation = {
      ...unitSanity,
      kind: "unit_sanity" as const,
      severity: "error" as const,
      per: "day" as const,
    };
    const misspelt = { ...config, expectations: [{ ...expectation, computed: "x_compute" }] };

    expect(tableFaults(config, await organizationTables())).toEqual([]);
    expect(tableFaults(misspelt, await organizationTables())).toEqual([
      { path: "/expectations/0", problem: "cost_data_standard has no column x_compute" },
    ]);
  });

  it.each([
    [{ pipeline_id: "{org_slug}-openai" }, "/pipeline_id", /write id/],
    [{ variables: {} }, "/variables", /write parameters/],
    [{ timeout_minutes: 30 }, "/timeout_minutes", /write timeout_seconds/],
    [{ requires_auth: true }, "/requires_auth", /write requires/],
    [{ schedule: "0 2 * * *" }, "/schedule", /write \{ cron/],
    [{ steps: [{ step_id: "costs", ps_type: "openai.costs" }] }, "/steps/0/step_id", /write id/],
    [{ steps: [{ id: "open", processor: "auth.decrypt" }] }, "/steps/0/processor", /leave the step out/],
  ])("names the new field for the older spelling %j", async (change, path, problem) => {
    const content = { ...((await configFile(`${address}.yml`)) as object), ...change };
    const entry = (await providers()).provider("openai");

    const refused = pipelineRegistry([{ entry, address, content }], await processors());

    await expect(refused).rejects.toMatchObject({
      fields: expect.arrayContaining([{ path: `${address}.yml${path}`, problem: expect.stringMatching(problem) }]),
    });
  });

  it.each([
    "openai/cost/usage_cost",
    "anthropic/usage_cost",
    "gemini/cost/usage_cost",
    "deepseek/cost/usage_cost",
    "gcp/cost/billing",
    "aws/cost/focus_import",
    "azure/cost/focus_import",
    "oci/cost/focus_import",
    "focus/cost/import",
    "saas/cost/subscription_costs",
    "azure/genai/azure_openai",
    "aws/genai/bedrock",
    "gcp/genai/vertex",
    "gcp/infrastructure/gpu",
    "platform/fx_rates",
    "platform/price_book",
  ])("ships %s, and lets it run only where its provider is served", async (name) => {
    const { address: found, config } = (await pipelines()).byAddress(name);

    const isServed =
      config.provider === "saas" || config.provider === "platform" || (await isRegistered(config.provider));
    expect([found, config.enabled]).toEqual([name, isServed]);
  });

  it("knows the shipped pipelines by the addresses of older clients", async () => {
    const registry = await pipelines();
    const idOf = (name: string): string => registry.byAddress(name).config.id;

    expect(idOf("genai/payg/gemini")).toBe("gemini-cost-usage-cost");
    expect(idOf("cloud/gcp/cost/billing")).toBe("gcp-cost-billing");
    expect(idOf("aws/cost/billing")).toBe("aws-cost-focus-import");
    expect(idOf("genai/commitment/azure_ptu")).toBe("azure-genai-azure-openai");
    expect(idOf("genai/infrastructure/gcp_gpu")).toBe("gcp-infrastructure-gpu");
  });

  it("lets a file name a processor that is still to come only while it is not enabled", async () => {
    const content = (await configFile("gemini/cost/usage_cost.yml")) as object;
    const entry = (await providers()).provider("openai");
    const file = { entry, address: "gemini/cost/usage_cost", isPlanned: true };
    const known = await processors();

    const still = await pipelineRegistry([{ ...file, content }], known);
    const enabled = pipelineRegistry([{ ...file, content: { ...content, enabled: true } }], known);

    expect(still.pipelines[0]?.config.enabled).toBe(false);
    await expect(enabled).rejects.toMatchObject({
      fields: expect.arrayContaining([
        { path: "gemini/cost/usage_cost.yml/enabled", problem: "must be false: nobody serves the provider" },
        { path: "gemini/cost/usage_cost.yml/steps/0/processor", problem: "there is no processor gemini.slice" },
      ]),
    });
  });

  it("answers retired addresses as gone", async () => {
    const registry = await pipelines();

    expect(() => registry.byAddress("cloud/gcp/cost/focus_convert")).toThrow(
      expect.objectContaining({ code: "PIPELINE_RETIRED" }),
    );
  });
});
