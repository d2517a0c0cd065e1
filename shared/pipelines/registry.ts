import { createHash } from "node:crypto";
import { configFile } from "#shared/platform/config-files.ts";
import { providers } from "#shared/providers/load-registry.ts";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import { AppError, type FieldProblem, isAppError } from "#shared/runtime/errors.ts";
import { validBody } from "#shared/runtime/schema.ts";
import { levelsOf } from "./dag.ts";
import { type Pipeline, PipelineConfig } from "./pipeline.ts";

/** All pipelines, by address, alias and id. A request never becomes a file path: it is looked up here. */
export interface PipelineRegistry {
  pipelines: readonly Pipeline[];
  /** By `provider/domain/pipeline` or an alias. Throws `PIPELINE_NOT_FOUND`. */
  byAddress(address: string): Pipeline;
}

const maximumStepsAtOnce = 4;
let loaded: Promise<PipelineRegistry> | undefined;

/** The pipelines that the provider registry names, read and checked once; all faults at once. */
export function pipelines(): Promise<PipelineRegistry> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<PipelineRegistry> {
  const entries = (await providers()).entries();
  const files = entries.flatMap((entry) => entry.pipelines.map((address) => ({ entry, address })));
  const read = await Promise.all(
    files.map(async ({ entry, address }) => ({ entry, address, content: await configFile(`${address}.yml`) })),
  );
  return pipelineRegistry(read);
}

/** Checks configurations together with the address of their file. Throws `PIPELINE_CONFIG_INVALID` listing every fault. */
export async function pipelineRegistry(
  files: readonly { entry: ProviderEntry; address: string; content: unknown }[],
): Promise<PipelineRegistry> {
  const faults: FieldProblem[] = [];
  const found: Pipeline[] = [];
  for (const file of files) {
    try {
      const config = await validBody(PipelineConfig, structuredClone(file.content));
      faults.push(...configFaults(config, file.address));
      found.push(pipelineOf(config, file));
    } catch (error) {
      if (!isAppError(error)) throw error;
      faults.push(...error.fields.map((field) => ({ ...field, path: `${file.address}.yml${field.path}` })));
    }
  }
  const byAddress = new Map<string, Pipeline>();
  for (const pipeline of found) {
    for (const name of [pipeline.address, pipeline.config.id, ...pipeline.config.aliases]) {
      if (byAddress.has(name))
        faults.push({ path: `${pipeline.address}.yml/aliases`, problem: `${name} names two pipelines` });
      byAddress.set(name, pipeline);
    }
  }
  if (faults.length > 0) {
    const text = faults.map(({ path, problem }) => `${path} ${problem}`).join("; ");
    throw new AppError("PIPELINE_CONFIG_INVALID", `The pipeline configuration has ${faults.length} faults: ${text}`, {
      fields: faults,
    });
  }
  return {
    pipelines: found,
    byAddress: (address) => {
      const pipeline = byAddress.get(address.toLowerCase());
      if (pipeline === undefined) throw new AppError("PIPELINE_NOT_FOUND", "There is no such pipeline.");
      return pipeline;
    },
  };
}

function pipelineOf(config: PipelineConfig, file: { entry: ProviderEntry; address: string }): Pipeline {
  const { entry } = file;
  return {
    config,
    address: file.address,
    word: file.address.split("/").at(-1) ?? "",
    digest: createHash("sha256").update(JSON.stringify(config)).digest("hex").slice(0, 16),
    window: {
      lagDays: config.window?.lag_days ?? 1,
      catchUpDays: config.window?.catch_up_days ?? entry.repull_days,
      settleThroughDay: config.window?.settle_through_day ?? entry.restate_previous_month_until_day,
      historyDays: config.window?.history_days ?? 366,
    },
  };
}

function configFaults(config: PipelineConfig, address: string): FieldProblem[] {
  const at = (path: string, problem: string): FieldProblem => ({ path: `${address}.yml${path}`, problem });
  const words = address.split("/");
  const faults: FieldProblem[] = [];
  if (config.id !== words.join("-").replaceAll("_", "-"))
    faults.push(at("/id", "must be the words of the address joined by -"));
  if (config.provider !== words[0]) faults.push(at("/provider", "must be the first word of the address"));
  if (config.domain !== (words.length === 3 ? words[1] : ""))
    faults.push(at("/domain", "must be the middle word of the address"));
  for (const path of unknownToTheEngine(config)) faults.push(at(path, "is not carried out by this version"));
  const { levels, faults: dagFaults } = levelsOf(config.steps);
  faults.push(...dagFaults.map((problem) => at("/steps", problem)));
  if (levels.some((level) => level.length > maximumStepsAtOnce))
    faults.push(at("/steps", `more than ${maximumStepsAtOnce} steps at once`));
  return faults;
}

/** What the format knows and the engine does not act on yet: refused, so that no file promises what does not happen. */
function unknownToTheEngine(config: PipelineConfig): string[] {
  const steps = config.steps.flatMap((step, index) => [
    ...(step.on_failure === "continue" ? [`/steps/${index}/on_failure`] : []),
    ...(step.enabled ? [] : [`/steps/${index}/enabled`]),
  ]);
  const lists = (["run_after", "expectations"] as const).filter((name) => config[name].length > 0);
  const others = [
    ...(Object.keys(config.parameters).length > 0 ? ["parameters"] : []),
    ...(config.notifications === undefined ? [] : ["notifications"]),
  ];
  return [...steps, ...[...lists, ...others].map((name) => `/${name}`)];
}
