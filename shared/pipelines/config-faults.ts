import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import { columnsOf } from "#shared/quality/built-in.ts";
import { type Expectation, expectationSchemas, isExpectationKind } from "#shared/quality/expectation.ts";
import { type FieldProblem, isAppError } from "#shared/runtime/errors.ts";
import { validBody } from "#shared/runtime/schema.ts";
import { dependenciesOf, levelsOf } from "./dag.ts";
import { parameterFaults } from "./parameters.ts";
import { defaultHistoryDays, type PipelineConfig, type Step } from "./pipeline.ts";
import type { Processors } from "./processors.ts";
import { maximumAskedDays } from "./range.ts";

const maximumStepsAtOnce = 4;

/** What is wrong with a configuration beyond its schema; paths are pointers into the file. */
export function configFaults(config: PipelineConfig, address: string, known: Processors): FieldProblem[] {
  return [
    ...nameFaults(config, address),
    ...dagFaults(config.steps),
    // What is not enabled may wait for a processor that is still to come.
    ...(config.enabled ? processorFaults(config.steps, known) : []),
    ...scopeFaults(config),
    ...(config.enabled ? outputFaults(config, known) : []),
    ...parameterFaults(config.parameters, config.steps),
    ...continuedFaults(config, known),
    ...repeated(config.expectations.map(({ id }) => id)).map((id) => fault("/expectations", `${id} stands twice`)),
  ];
}

function fault(path: string, problem: string): FieldProblem {
  return { path, problem };
}

function nameFaults(config: PipelineConfig, address: string): FieldProblem[] {
  const words = address.split("/");
  const faults: FieldProblem[] = [];
  if (config.id !== words.join("-").replaceAll("_", "-"))
    faults.push(fault("/id", "must be the words of the address joined by -"));
  if (config.provider !== words[0]) faults.push(fault("/provider", "must be the first word of the address"));
  if (config.domain !== (words.length === 3 ? words[1] : ""))
    faults.push(fault("/domain", "must be the middle word of the address"));
  return faults;
}

/** The platform has no dataset, no quota, no credentials, and no backfills. */
function scopeFaults({ scope, outputs, counts_toward_quota, window, provider }: PipelineConfig): FieldProblem[] {
  if (scope === "org") return outputs.length === 0 ? [fault("/outputs", "must name a table")] : [];
  return [
    ...(provider === "platform" ? [] : [fault("/provider", "must be platform where the scope is")]),
    ...(outputs.length === 0 ? [] : [fault("/outputs", "must be empty: the platform has no tables")]),
    ...(counts_toward_quota ? [fault("/counts_toward_quota", "must be false: the platform has no quota")] : []),
    ...((window?.history_days ?? defaultHistoryDays) > maximumAskedDays
      ? [fault("/window/history_days", `must be at most ${maximumAskedDays}: there are no backfills of the platform`)]
      : []),
  ];
}

function dagFaults(steps: readonly Step[]): FieldProblem[] {
  const { levels, faults } = levelsOf(steps);
  const isCrowded = levels.some((level) => level.length > maximumStepsAtOnce);
  return [
    ...faults.map((problem) => fault("/steps", problem)),
    ...(isCrowded ? [fault("/steps", `more than ${maximumStepsAtOnce} steps at once`)] : []),
  ];
}

function processorFaults(steps: readonly Step[], known: Processors): FieldProblem[] {
  return steps.flatMap((step, index) =>
    known.has(step.processor) ? [] : [fault(`/steps/${index}/processor`, unknownText(step.processor))],
  );
}

function unknownText(processor: string): string {
  const isDecrypt = /decrypt/.test(processor);
  return `there is no processor ${processor}${isDecrypt ? ": the engine opens the credential, leave the step out" : ""}`;
}

/** What is required has to be written by somebody. */
function outputFaults({ outputs, steps }: PipelineConfig, known: Processors): FieldProblem[] {
  const written = new Set(steps.filter(({ enabled }) => enabled).flatMap((step) => writesOf(step, known)));
  return outputs.flatMap(({ table, required }, index) =>
    required && !written.has(table) ? [fault(`/outputs/${index}/table`, `no enabled step writes ${table}`)] : [],
  );
}

/** A step without which the run goes on, or that is switched off, must not be what others stand on. */
function continuedFaults(config: PipelineConfig, known: Processors): FieldProblem[] {
  const { steps, outputs } = config;
  const required = new Set(outputs.filter((output) => output.required).map(({ table }) => table));
  return steps.flatMap((step, index) => {
    const dependants = steps.filter((other, at) => other.enabled && dependenciesOf(steps, at).includes(step.id));
    const faults: FieldProblem[] = [];
    const deriving = dependants.find((other) => known.get(other.processor)?.derives);
    if (!step.enabled && deriving !== undefined)
      faults.push(fault(`/steps/${index}/enabled`, `the step ${deriving.id} works on what it writes`));
    if (step.on_failure === "stop") return faults;
    const needed = writesOf(step, known).find((table) => required.has(table));
    if (needed !== undefined)
      faults.push(fault(`/steps/${index}/on_failure`, `the required output ${needed} depends on it`));
    const stopping = dependants.find((other) => other.on_failure === "stop");
    if (stopping !== undefined)
      faults.push(fault(`/steps/${index}/on_failure`, `the step ${stopping.id} depends on it and stops the run`));
    return faults;
  });
}

function writesOf(step: Step, known: Processors): readonly string[] {
  return known.get(step.processor)?.writes ?? [];
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
}

/** The expectations by the schema of their kind, with its defaults; what is wrong is added to `faults`. */
export async function expectationsOf(config: PipelineConfig, faults: FieldProblem[]): Promise<Expectation[]> {
  const tables = new Set(config.outputs.map(({ table }) => table));
  const found: Expectation[] = [];
  for (const [index, given] of config.expectations.entries()) {
    const path = `/expectations/${index}`;
    if (!isExpectationKind(given.kind)) {
      faults.push(fault(`${path}/kind`, "is unknown"));
      continue;
    }
    try {
      const expectation = await validBody(expectationSchemas[given.kind], structuredClone(given));
      found.push(expectation);
      if (!tables.has(expectation.table)) faults.push(fault(`${path}/table`, "is no output of the pipeline"));
      faults.push(...baselineFaults(expectation, path));
    } catch (error) {
      if (!isAppError(error)) throw error;
      faults.push(...error.fields.map((field) => fault(`${path}${field.path}`, field.problem)));
    }
  }
  return found;
}

function baselineFaults(expectation: Expectation, path: string): FieldProblem[] {
  if (expectation.kind !== "total_change_within") return [];
  const isMedianOfRun = expectation.baseline === "trailing_median" && expectation.per === "run";
  return isMedianOfRun ? [fault(`${path}/per`, "a median is of days")] : [];
}

/** What a configuration says of tables and columns that do not exist. */
export function tableFaults(config: PipelineConfig, tables: ReadonlyMap<string, TableDefinition>): FieldProblem[] {
  const unknown = config.outputs.flatMap(({ table }, index) =>
    tables.has(table) ? [] : [fault(`/outputs/${index}/table`, `there is no table ${table}`)],
  );
  if (unknown.length > 0) return unknown;
  return config.expectations.flatMap((expectation, index) => {
    const missing = missingColumn(expectation, tables);
    return missing === undefined ? [] : [fault(`/expectations/${index}`, missing)];
  });
}

function missingColumn(expectation: Expectation, tables: ReadonlyMap<string, TableDefinition>): string | undefined {
  const other = expectation.kind === "sum_close_to" ? expectation.reference.split(".") : [];
  if (other.length === 2 && !tables.has(other[0] ?? "")) return `there is no table ${other[0]}`;
  const columns = columnsOf(expectation, (name) => {
    const table = tables.get(name);
    if (table === undefined) throw new Error(`there is no table ${name}`);
    return table;
  });
  for (const [table, names] of columns) {
    const missing = names.find((name) => !tables.get(table)?.columns.some((column) => column.name === name));
    if (missing !== undefined) return `${table} has no column ${missing}`;
  }
  return undefined;
}
