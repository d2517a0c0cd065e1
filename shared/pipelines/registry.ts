import { createHash } from "node:crypto";
import { configFile } from "#shared/platform/config-files.ts";
import { providers } from "#shared/providers/load-registry.ts";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import { AppError, type FieldProblem, isAppError } from "#shared/runtime/errors.ts";
import { validBody } from "#shared/runtime/schema.ts";
import { configFaults, expectationsOf } from "./config-faults.ts";
import { withNewName } from "./older-fields.ts";
import { ownPipelines } from "./own-pipelines.ts";
import { defaultHistoryDays, type Pipeline, PipelineConfig } from "./pipeline.ts";
import { plannedPipelines } from "./planned-pipelines.ts";
import { type Processors, processors } from "./processors.ts";

/** All pipelines, by address, alias and id. A request never becomes a file path: it is looked up here. */
export interface PipelineRegistry {
  pipelines: readonly Pipeline[];
  /** By `provider/domain/pipeline`, an alias or an id. Throws `PIPELINE_NOT_FOUND`, `PIPELINE_RETIRED`. */
  byAddress(address: string): Pipeline;
  /** Pipelines that start when this one has published (`run_after`). */
  dependentsOf(pipelineId: string): readonly Pipeline[];
}

/** A pipeline's file: the provider that names it, its address, and what it holds. */
export interface PipelineFile {
  entry: Pick<ProviderEntry, "repull_days" | "restate_previous_month_until_day">;
  address: string;
  content: unknown;
  /** Nobody serves its provider yet. */
  isPlanned?: boolean;
}

/** Of a provider that no registry line describes: the file says its window itself. */
const unserved = { repull_days: 1, restate_previous_month_until_day: 0 };

let loaded: Promise<PipelineRegistry> | undefined;
const lookUps = { hits: 0, misses: 0 };

/** The pipelines that the provider registry names, read and checked once; all faults at once. */
export function pipelines(): Promise<PipelineRegistry> {
  lookUps[loaded === undefined ? "misses" : "hits"] += 1;
  loaded ??= load();
  return loaded;
}

/** How often this process asked for the registry, and found it read already. */
export function registryLookUps(): Readonly<typeof lookUps> {
  return { ...lookUps };
}

async function load(): Promise<PipelineRegistry> {
  const entries = (await providers()).entries();
  const files = [
    ...entries.flatMap((entry) => entry.pipelines.map((address) => ({ entry, address }))),
    ...Object.entries(await ownPipelines()).map(([address, entry]) => ({ entry, address })),
    ...(await plannedPipelines()).map((address) => ({ entry: unserved, address, isPlanned: true })),
  ];
  const read = await Promise.all(
    files.map(async (file) => ({ ...file, content: await configFile(`${file.address}.yml`) })),
  );
  return pipelineRegistry(read, await processors());
}

/** Checks configurations together with the address of their file. Throws `PIPELINE_CONFIG_INVALID` listing every fault. */
export async function pipelineRegistry(files: readonly PipelineFile[], known: Processors): Promise<PipelineRegistry> {
  const faults: FieldProblem[] = [];
  const found: Pipeline[] = [];
  for (const file of files) {
    const own: FieldProblem[] = [];
    const pipeline = await checkedPipeline(file, known, own);
    if (pipeline !== undefined) found.push(pipeline);
    faults.push(...own.map((field) => ({ ...field, path: `${file.address}.yml${field.path}` })));
  }
  const byAddress = namesOf(found, faults);
  faults.push(...orderFaults(found));
  if (faults.length > 0) throw invalidPipelines(faults);
  return {
    pipelines: found,
    byAddress: (address) => {
      const name = address.toLowerCase();
      const pipeline = byAddress.get(name);
      if (pipeline !== undefined) return pipeline;
      if (isRetired(name))
        throw new AppError(
          "PIPELINE_RETIRED",
          "Conversion is part of every run now: run the pipeline of the provider itself.",
        );
      throw new AppError("PIPELINE_NOT_FOUND", "There is no such pipeline.");
    },
    dependentsOf: (pipelineId) => found.filter(({ config }) => config.run_after.includes(pipelineId)),
  };
}

async function checkedPipeline(
  file: PipelineFile,
  known: Processors,
  faults: FieldProblem[],
): Promise<Pipeline | undefined> {
  try {
    const read = await validBody(PipelineConfig, structuredClone(file.content));
    const config = { ...read, expectations: await expectationsOf(read, faults) };
    faults.push(...configFaults(config, file.address, known));
    if (file.isPlanned === true && config.enabled)
      faults.push({ path: "/enabled", problem: "must be false: nobody serves the provider" });
    return pipelineOf(config, file);
  } catch (error) {
    if (!isAppError(error)) throw error;
    faults.push(...error.fields.map((fault) => withNewName(fault, file.content)));
    return undefined;
  }
}

function namesOf(found: readonly Pipeline[], faults: FieldProblem[]): Map<string, Pipeline> {
  const byAddress = new Map<string, Pipeline>();
  for (const pipeline of found) {
    for (const name of [pipeline.address, pipeline.config.id, ...pipeline.config.aliases]) {
      if (byAddress.has(name))
        faults.push({ path: `${pipeline.address}.yml/aliases`, problem: `${name} names two pipelines` });
      byAddress.set(name, pipeline);
    }
  }
  return byAddress;
}

/** `run_after` names pipelines that exist, and no pipeline waits for itself. */
function orderFaults(found: readonly Pipeline[]): FieldProblem[] {
  const byId = new Map(found.map((pipeline) => [pipeline.config.id, pipeline.config.run_after]));
  const reaches = (from: string, to: string, seen: Set<string>): boolean =>
    (byId.get(from) ?? []).some((next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))));
  return found.flatMap(({ config, address }) => {
    const at = (problem: string): FieldProblem => ({ path: `${address}.yml/run_after`, problem });
    const unknown = config.run_after.filter((id) => !byId.has(id)).map((id) => at(`there is no pipeline ${id}`));
    return reaches(config.id, config.id, new Set()) ? [...unknown, at("the pipelines wait for each other")] : unknown;
  });
}

export function invalidPipelines(faults: readonly FieldProblem[]): AppError {
  const text = faults.map(({ path, problem }) => `${path} ${problem}`).join("; ");
  return new AppError("PIPELINE_CONFIG_INVALID", `The pipeline configuration has ${faults.length} faults: ${text}`, {
    fields: faults,
  });
}

/** Addresses of older clients whose work every run does now. */
function isRetired(address: string): boolean {
  return /^(genai\/unified\/consolidate|cloud\/unified\/focus_convert|cloud\/[a-z0-9_]+\/cost\/focus_convert|genai\/payg\/cost_only)$/.test(
    address,
  );
}

/** A checked configuration with what is derived from it. */
export function pipelineOf(config: PipelineConfig, file: Pick<PipelineFile, "entry" | "address">): Pipeline {
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
      historyDays: config.window?.history_days ?? defaultHistoryDays,
    },
  };
}
