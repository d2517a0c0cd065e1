import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import type { ParameterDefinition } from "./parameter-definition.ts";
import type { Step } from "./pipeline.ts";
import { isDay } from "./range.ts";
import type { ParameterValue } from "./run.ts";

type Definitions = Readonly<Record<string, ParameterDefinition>>;

/** The values of a run's parameters: as given, else the defaults. Throws `INVALID_BODY` naming every problem. */
export function parameterValues(
  definitions: Definitions,
  given: Readonly<Record<string, unknown>>,
): Record<string, ParameterValue> {
  const problems: FieldProblem[] = [];
  const values: Record<string, ParameterValue> = {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(definitions, name)) problems.push({ path: `/parameters/${name}`, problem: "is unknown" });
  }
  for (const [name, definition] of Object.entries(definitions)) {
    const own = given[name] ?? definition.default;
    const problem = own === undefined ? "is required" : problemOf(own, definition);
    if (problem !== undefined) problems.push({ path: `/parameters/${name}`, problem });
    else values[name] = own as ParameterValue;
  }
  if (problems.length === 0) return values;
  const [first] = problems;
  throw new AppError("INVALID_BODY", `The parameters are not valid: ${first?.path} ${first?.problem}.`, {
    fields: problems,
  });
}

function problemOf(own: unknown, definition: ParameterDefinition): string | undefined {
  const { type, min, max, values = [], pattern, max_length = 500 } = definition;
  if (type === "boolean") return typeof own === "boolean" ? undefined : "must be true or false";
  if (type === "integer") {
    if (!Number.isSafeInteger(own)) return "must be an integer";
    const isWithin = Number(own) >= (min ?? Number.MIN_SAFE_INTEGER) && Number(own) <= (max ?? Number.MAX_SAFE_INTEGER);
    return isWithin ? undefined : `must be from ${min ?? "any"} to ${max ?? "any"}`;
  }
  if (typeof own !== "string") return "must be text";
  if (type === "date") return isDay(own) ? undefined : "must be a day, YYYY-MM-DD";
  if (type === "enum") return values.includes(own) ? undefined : `must be one of ${values.join(", ")}`;
  if (own.length > max_length) return `must have at most ${max_length} characters`;
  return pattern === undefined || new RegExp(pattern, "u").test(own) ? undefined : `must match ${pattern}`;
}

/** What is wrong with the parameters of a file: a default that its own rule refuses, a step that asks for an unknown one. */
export function parameterFaults(definitions: Definitions, steps: readonly Step[]): FieldProblem[] {
  const faults: FieldProblem[] = [];
  for (const [name, definition] of Object.entries(definitions)) {
    const path = `/parameters/${name}`;
    if (definition.type === "enum" && definition.values === undefined)
      faults.push({ path: `${path}/values`, problem: "is required" });
    if (!isPattern(definition.pattern)) faults.push({ path: `${path}/pattern`, problem: "is no pattern" });
    const problem = definition.default === undefined ? undefined : problemOf(definition.default, definition);
    if (problem !== undefined) faults.push({ path: `${path}/default`, problem });
  }
  for (const [index, step] of steps.entries()) {
    for (const name of referencesOf(step.config)) {
      if (!Object.hasOwn(definitions, name))
        faults.push({
          path: `/steps/${index}/config`,
          problem: `asks for the parameter ${name}, which does not exist`,
        });
    }
  }
  return faults;
}

function isPattern(pattern: string | undefined): boolean {
  try {
    return pattern === undefined || new RegExp(pattern, "u") instanceof RegExp;
  } catch {
    return false;
  }
}

/** The step's configuration with `{param: name}` replaced by the run's value; no text is ever put into other text. */
export function stepConfig(step: Step, parameters: Readonly<Record<string, ParameterValue>>): Record<string, unknown> {
  return filled(step.config, parameters) as Record<string, unknown>;
}

function filled(node: unknown, parameters: Readonly<Record<string, ParameterValue>>): unknown {
  const name = referenceOf(node);
  if (name !== undefined) return parameters[name];
  if (Array.isArray(node)) return node.map((item) => filled(item, parameters));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, filled(item, parameters)]));
}

function referencesOf(node: unknown): string[] {
  const name = referenceOf(node);
  if (name !== undefined) return [name];
  return typeof node === "object" && node !== null ? Object.values(node).flatMap(referencesOf) : [];
}

function referenceOf(node: unknown): string | undefined {
  if (typeof node !== "object" || node === null || Array.isArray(node)) return undefined;
  const [key, ...others] = Object.keys(node);
  const name = (node as Record<string, unknown>)["param"];
  return key === "param" && others.length === 0 && typeof name === "string" ? name : undefined;
}
