import { loadMinorDigits } from "#shared/money/currencies.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import type { PlanVersion } from "./plan.ts";
import type { PlanChanges } from "./plan-fields.ts";
import { changedTerms, type PlanTerms } from "./plan-terms.ts";
import type { PlanWriter } from "./plan-writer.ts";

/** Something about a plan that is allowed and may still be wrong. */
export interface PlanWarning {
  code: string;
  message: string;
}

/** Throws 422 listing everything that is wrong. */
export function refuseInvalid(problems: readonly FieldProblem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more, see fields)` : "";
  throw new AppError("INVALID_BODY", `The body is not valid: ${first.path} ${first.problem}${more}.`, {
    fields: problems,
  });
}

/** The terms that a request makes of others, checked with all rules at once; `further` are problems found elsewhere. */
export async function checkedTerms(
  base: PlanTerms,
  request: PlanChanges,
  writer: PlanWriter,
  further: readonly FieldProblem[] = [],
): Promise<PlanTerms> {
  const problems: FieldProblem[] = [...further];
  const terms = changedTerms(base, request, { today: writer.today, currencies: await loadMinorDigits() }, problems);
  refuseInvalid(problems);
  const entity = request.hierarchy_entity_id;
  return entity == null ? terms : { ...terms, hierarchyEntityId: await writer.entityNamed(entity) };
}

/** What may make a plan count twice. Source: `prices-and-plans.md` C4. */
export async function planWarnings(version: PlanVersion, writer: PlanWriter): Promise<PlanWarning[]> {
  if (version.costSource !== "manual") return [];
  const connected = new Set(await writer.connected());
  const covering = (await providers())
    .entries()
    .find((entry) => connected.has(entry.slug) && entry.covers_saas.includes(version.provider));
  if (covering === undefined) return [];
  const message = `The integration ${covering.slug} reports the costs of ${version.provider} too.`;
  return [{ code: "POSSIBLE_DOUBLE_COUNT", message }];
}
