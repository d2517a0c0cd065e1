import type { FieldProblem } from "#shared/runtime/errors.ts";

/** How older configurations spelt what has another name here (`pipelines.md` 1). */
const newNames: ReadonlyMap<string, string> = new Map([
  ["pipeline_id", "id, the words of the address joined by -, without the organization"],
  ["step_id", "id"],
  ["ps_type", "processor"],
  ["timeout_minutes", "timeout_seconds"],
  ["variables", "parameters"],
  ["requires_auth", "requires, with the integration"],
]);

/** The same fault, telling the new name where the field is an older one. */
export function withNewName(fault: FieldProblem, content: unknown): FieldProblem {
  const name = fault.path.split("/").at(-1) ?? "";
  const newName = fault.problem === "is unknown" ? newNames.get(name) : undefined;
  if (newName !== undefined) return { ...fault, problem: `is unknown: write ${newName}` };
  const { schedule } = Object(content) as { schedule?: unknown };
  const isBareCron = fault.path === "/schedule" && typeof schedule === "string";
  return isBareCron ? { ...fault, problem: "must be null or an object: write { cron: ... }" } : fault;
}
