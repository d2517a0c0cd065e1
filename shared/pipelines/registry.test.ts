import { describe, expect, it } from "vitest";
import { configFile } from "#shared/platform/config-files.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { pipelineRegistry, pipelines } from "./registry.ts";

const address = "openai/cost/usage_cost";

async function faultsOf(change: (content: Record<string, unknown>) => void): Promise<string[]> {
  const content = structuredClone(await configFile(`${address}.yml`)) as Record<string, unknown>;
  change(content);
  const entry = (await providers()).provider("openai");
  try {
    await pipelineRegistry([{ entry, address, content }]);
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
    ["notifications", { notifications: { on_failure: ["email"] } }, ["/notifications"]],
    ["run_after", { run_after: ["gcp-cost-billing"] }, ["/run_after"]],
    ["a float threshold in an expectation", { expectations: [{ max_ratio: 10.5 }] }, ["/expectations"]],
  ])("refuses %s and names it", async (_name, change, faults) => {
    expect(await faultsOf((content) => Object.assign(content, change))).toEqual(faults);
  });

  it.each([
    [{ depends_on: ["rows"] }, "/steps"],
    [{ on_failure: "continue" }, "/steps/0/on_failure"],
    [{ enabled: false }, "/steps/0/enabled"],
  ])("refuses a first step with %j", async (change, fault) => {
    const faults = await faultsOf((content) => Object.assign((content["steps"] as object[])[0] ?? {}, change));

    expect(faults).toEqual([fault]);
  });
});
