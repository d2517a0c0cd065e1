import { describe, expect, it } from "vitest";
import { configFile, parseYaml } from "#shared/platform/config-files.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { type FieldProblem, isAppError } from "#shared/runtime/errors.ts";
import { processors } from "./processors.ts";
import { pipelineRegistry } from "./registry.ts";

const address = "openai/cost/usage_cost";

/** A good file as JSON, which is YAML too, with something wrong in it. */
async function changed(change: object): Promise<string> {
  return JSON.stringify({ ...((await configFile(`${address}.yml`)) as object), ...change }, null, 1);
}

async function firstSteps(changes: object[]): Promise<string> {
  const { steps } = (await configFile(`${address}.yml`)) as { steps: object[] };
  return changed({ steps: steps.map((step, at) => ({ ...step, ...changes[at] })) });
}

/** Everything a file goes through before it is a pipeline. */
async function faultsOf(text: string): Promise<readonly FieldProblem[]> {
  try {
    const content = await parseYaml(text, `${address}.yml`);
    await pipelineRegistry([{ entry: (await providers()).provider("openai"), address, content }], await processors());
    return [];
  } catch (error) {
    if (!isAppError(error)) throw error;
    return error.fields;
  }
}

/** Milliseconds of this process's own work, not of waiting for others. */
async function workOf(action: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const threshold = {
  ...{ id: "cents", kind: "unit_sanity", table: "cost_data_standard", severity: "error", min_abs: "1" },
  ...{ reported: "x_reported", computed: "x_computed", max_ratio: 10.5 },
};
const good = (): Promise<string> => changed({});

// pipelines.md, shown done 17
const corpus: [string, () => Promise<string>, string][] = [
  ["an alias", async () => "a: 1\nb: *x\n", ":2"],
  ["an anchor", async () => "a: &x 1\n", ":1"],
  ["a tag", async () => "a: !thing 1\n", ":1"],
  ["!!binary", async () => "a: 1\nb: !!binary aGk=\n", ":2"],
  ["20,000 brackets", async () => `a: ${"[".repeat(20_000)}`, ":1"],
  ["20,000 closed brackets", async () => `a: ${"[".repeat(20_000)}${"]".repeat(20_000)}`, ":1"],
  ["a duplicate key", async () => "id: a\nname: b\nid: c\n", ":3"],
  ["a second document", async () => `${await good()}\n---\n${await good()}`, ":"],
  ["__proto__", async () => 'id: a\n"__proto__": { polluted: true }\n', ":2"],
  ["an unknown field", () => changed({ surprise: true }), "/surprise"],
  ["an unknown field of a step", () => firstSteps([{ surprise: true }]), "/steps/0/surprise"],
  ["a cycle", () => firstSteps([{ depends_on: ["rows"] }]), "/steps"],
  ["a step after itself", () => firstSteps([{ depends_on: ["costs"] }]), "/steps"],
  ["a continue under a required output", () => firstSteps([{ on_failure: "continue" }]), "/steps/0/on_failure"],
  ["a float threshold", () => changed({ expectations: [threshold] }), "/expectations/0/max_ratio"],
];

describe("a pipeline's file", () => {
  it("is taken where nothing is wrong with it", async () => {
    expect(await faultsOf(await good())).toEqual([]);
  });

  it.each(corpus)("is refused with a pointer for %s, in less than 200 ms of work", async (_name, make, pointer) => {
    const text = await make();
    await faultsOf(await good());

    const work = Math.min(await workOf(() => faultsOf(text)), await workOf(() => faultsOf(text)));
    const faults = await faultsOf(text);

    expect(faults.map(({ path }) => path).filter((path) => path.startsWith(`${address}.yml${pointer}`))).not.toEqual(
      [],
    );
    expect(work).toBeLessThan(200);
    expect(Object.prototype).not.toHaveProperty("polluted");
  });
});
