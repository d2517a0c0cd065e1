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

  it("answers retired addresses as gone", async () => {
    const registry = await pipelines();

    expect(() => registry.byAddress("cloud/gcp/cost/focus_convert")).toThrow(
      expect.objectContaining({ code: "PIPELINE_RETIRED" }),
    );
  });
});
